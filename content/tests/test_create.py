"""POST /api/items."""

import threading

import pytest
from django.db import connection

from content import services
from content.models import Item

pytestmark = pytest.mark.django_db
MIB = 1024 * 1024
KEYS = [
    "id",
    "title",
    "description",
    "content",
    "item_type",
    "status",
    "user_id",
    "metadata",
    "tags",
    "version",
    "created_at",
    "updated_at",
    "published_at",
]


def nested(levels):
    """A JSON text of objects within objects."""
    return '{"a":' * levels + "1" + "}" * levels


def test_creating_answers_the_whole_item_with_its_address_and_version(alice):
    response = alice.post("/api/items", {"title": " Zebra ", "tags": ["a"], "metadata": {"k": 1}})

    assert response.status_code == 201
    assert list(response.json()) == KEYS
    assert response.json()["title"] == "Zebra"
    assert response.json()["user_id"] == alice.user.pk
    assert response["Location"] == f"/api/items/{response.json()['id']}"
    assert response["ETag"] == '"1"'


def test_what_the_body_leaves_out_has_its_default(alice):
    item = alice.post("/api/items", {"title": "Zebra"}).json()

    assert item["description"] == ""
    assert item["content"] == item["metadata"] == {}
    assert (item["item_type"], item["status"], item["tags"]) == ("post", "draft", [])
    assert (item["version"], item["published_at"]) == (1, None)
    assert item["created_at"] == item["updated_at"]


def test_an_item_made_as_published_has_its_date(alice):
    item = alice.post("/api/items", {"title": "Zebra", "status": "published"}).json()

    assert item["published_at"] == item["created_at"]


def test_the_answer_the_item_and_the_list_say_the_same(alice):
    content = {"n": [1, 1.5, 1e22, True, None], "text": 'é \U0001f600 \x7f "', "": {"b": {}}}
    body = {"title": "é", "content": content, "status": "published", "tags": ["é", "b c"]}
    made = alice.post("/api/items", body).json()

    assert alice.get(f"/api/items/{made['id']}").json() == made
    assert alice.get("/api/items").json() == [made]


def test_creating_costs_one_query(regular, django_assert_num_queries):
    with django_assert_num_queries(1):
        regular.post("/api/items", {"title": "Zebra", "content": {"a": 1}, "tags": ["b"]})


def test_keys_that_are_unknown_or_not_writable_are_ignored(alice, bob):
    body = {
        "title": "Zebra",
        "id": 10**9,
        "user_id": bob.user.pk,
        "owner": bob.user.pk,
        "owner_id": bob.user.pk,
        "editor_id": bob.user.pk,
        "version": 9,
        "created_at": "2001-01-01T00:00:00Z",
        "published_at": "2001-01-01T00:00:00Z",
        "trashed_at": "2001-01-01T00:00:00Z",
        "colour": "red",
    }
    alice.post("/api/items", body)

    item = Item.objects.get()
    assert (item.owner_id, item.editor_id, item.version) == (alice.user.pk, alice.user.pk, 1)
    assert item.pk != 10**9
    assert item.created_at.year > 2001
    assert item.published_at is item.trashed_at is None


def test_tags_lose_their_blanks_and_their_doubles_but_not_their_order(alice):
    item = alice.post("/api/items", {"title": "x", "tags": [" b ", "a", "b", "A"]}).json()

    assert item["tags"] == ["b", "a", "A"]


LARGEST = {
    "title": "é" * 300,
    "description": "é" * 5000,
    "item_type": "a-z_0" * 10,
    "tags": [f"{n:050}" for n in range(32)],
}


def test_the_largest_values_are_taken(alice):
    response = alice.post("/api/items", LARGEST)

    assert response.status_code == 201
    assert {key: response.json()[key] for key in LARGEST} == LARGEST


@pytest.mark.parametrize("name", ["content", "metadata"])
@pytest.mark.parametrize(("excess", "status"), [(0, 201), (1, 400)])
def test_json_may_have_one_mebibyte_when_encoded(alice, name, excess, status):
    text = "x" * (MIB - len('{"a":""}') + excess)
    response = alice.post("/api/items", {"title": "x", name: {"a": text}})

    assert response.status_code == status
    assert Item.objects.count() == (status == 201)
    if excess:
        assert list(response.json()["errors"]) == [name]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["content", "metadata"])
def test_numbers_that_fill_gigabytes_when_written_out_are_refused(alice, name):
    response = alice.post("/api/items", {"title": "x", name: {"a": [1e308] * 8000}})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]
    assert not Item.objects.exists()


BAD_VALUES = [("title", value) for value in ["", "  ", "\t\n", None, 5, True, [], {}, "x" * 301]]
BAD_VALUES += [("description", value) for value in [None, 5, [], "x" * 5001]]
BAD_VALUES += [
    (name, value) for name in ["content", "metadata"] for value in [None, 5, True, "{}", [], [{}]]
]
BAD_VALUES += [
    ("item_type", value)
    for value in ["", "Post", "a b", "é", "x" * 51, "post\n", " post", None, [], {}]
]
BAD_VALUES += [("status", value) for value in ["", "nope", "Draft", None, 1, [], {}]]
BAD_VALUES += [
    ("tags", value) for value in [None, "a", 5, {}, [1], [None], [["a"]], [""], [" "], ["x" * 51]]
]
BAD_VALUES += [("tags", [str(n) for n in range(33)])]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_by_its_name_and_nothing_is_stored(alice, name, value):
    response = alice.post("/api/items", {"title": "x", name: value})

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert list(response.json()["errors"]) == [name]
    assert all(isinstance(sentence, str) for sentence in response.json()["errors"][name])
    assert response.json()["detail"].startswith(f"{name}: ")
    assert not Item.objects.exists()


BAD_BODIES = [
    "",
    "{nope",
    "[]",
    "null",
    "5",
    '"title"',
    "{}",
    '{"title": NaN}',
    '{"title": "x", "content": {"a": Infinity}}',
    '{"title": "x", "content": {"a": 1e999}}',
    '{"title": "a\\u0000b"}',
    '{"title": "x", "tags": ["a\\u0000"]}',
    '{"title": "x", "content": {"a": [{"b": "\\u0000"}]}}',
    '{"title": "x", "metadata": {"a": [{"\\u0000": 1}]}}',
    '{"title": "x", "content": {"a": "\\ud800"}}',
    '{"title": "x", "content": {"\\udc00": 1}}',
    '{"title": "x", "content": ' + nested(64) + "}",
    '{"title": "x", "content": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}",
    b'{"title": "\xff"}',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_is_refused_and_nothing_is_stored(alice, body):
    response = alice.generic("POST", "/api/items", body, content_type="application/json")

    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)
    assert not Item.objects.exists()


def test_a_body_of_64_levels_goes_the_whole_way(alice):
    body = '{"title": "x", "content": ' + nested(63) + "}"
    response = alice.generic("POST", "/api/items", body, content_type="application/json")

    assert response.status_code == 201
    item = response.json()
    assert alice.get(f"/api/items/{item['id']}").json() == item
    assert alice.get("/api/items").json() == [item]
    assert (
        alice.put(f"/api/items/{item['id']}", {"title": "y"}).json()["content"] == item["content"]
    )


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_only_json_is_taken(alice, kind):
    response = alice.generic("POST", "/api/items", '{"title": "x"}', content_type=kind)

    assert response.status_code == 415
    assert not Item.objects.exists()


def test_creating_needs_a_session(anonymous, db):
    response = anonymous.post("/api/items", {"title": "x"})

    assert response.status_code == 401
    assert not Item.objects.exists()


def test_the_same_key_and_body_make_one_item(alice):
    first = alice.post("/api/items", {"title": "x"}, headers={"Idempotency-Key": "k"})
    again = alice.post("/api/items", {"title": "x"}, headers={"Idempotency-Key": '"k"'})

    assert again.status_code == 201
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])
    assert Item.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(alice):
    alice.post("/api/items", {"title": "x"}, headers={"Idempotency-Key": "k"})
    other = alice.post("/api/items", {"title": "y"}, headers={"Idempotency-Key": "k"})

    assert other.status_code == 422
    assert Item.objects.count() == 1


def test_a_refused_request_leaves_its_key_free(alice):
    refused = alice.post("/api/items", {"title": ""}, headers={"Idempotency-Key": "k"})
    made = alice.post("/api/items", {"title": "x"}, headers={"Idempotency-Key": "k"})

    assert (refused.status_code, made.status_code) == (400, 201)
    assert "Idempotent-Replayed" not in made


def test_keys_of_two_users_have_nothing_to_do_with_each_other(alice, bob):
    for user in [alice, bob]:
        response = user.post("/api/items", {"title": "x"}, headers={"Idempotency-Key": "k"})
        assert response.json()["user_id"] == user.user.pk

    assert Item.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_twin_in_flight_is_told_to_wait(alice, monkeypatch):
    is_first_inside, may_go_on = threading.Event(), threading.Event()

    def slow_item(create=services.create_item, **fields):
        is_first_inside.set()
        may_go_on.wait(10)
        return create(**fields)

    monkeypatch.setattr("content.views.services.create_item", slow_item)
    answers = []

    def post():
        header = {"Idempotency-Key": "k"}
        answers.append(alice.post("/api/items", {"title": "x"}, headers=header).status_code)
        connection.close()

    first = threading.Thread(target=post)
    first.start()
    is_first_inside.wait(10)
    post()
    may_go_on.set()
    first.join()

    assert answers == [409, 201]
    assert Item.objects.count() == 1
