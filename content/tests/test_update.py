"""PUT and PATCH /api/items/{id}."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from content.models import Item, Revision
from content.tests.factories import make_item

pytestmark = pytest.mark.django_db
WHOLE = {
    "title": "Zebra 2",
    "description": "about quokkas",
    "content": {"a": [1]},
    "item_type": "note",
    "status": "published",
    "metadata": {"k": 1},
    "tags": ["a"],
}


def etag(status, *tags):
    return pytest.param(", ".join(tags), status, id=f"{status}-{tags}")


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_what_is_named_is_replaced_and_makes_a_new_version(alice, verb):
    item = make_item(alice.user, content={"old": True})

    response = getattr(alice, verb)(f"/api/items/{item.pk}", WHOLE)

    assert response.status_code == 200
    assert {key: response.json()[key] for key in WHOLE} == WHOLE
    assert response.json()["version"] == 2
    assert response["ETag"] == '"2"'
    assert response.json() == alice.get(f"/api/items/{item.pk}").json()


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_what_is_left_out_stays(alice, verb):
    item = make_item(alice.user, content={"a": 1}, tags=["t"], metadata={"k": 1e22})
    before = alice.get(f"/api/items/{item.pk}").json()

    after = getattr(alice, verb)(f"/api/items/{item.pk}", {"description": "new"}).json()

    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"description", "version", "updated_at"}


@pytest.mark.parametrize("body", [{}, {"title": " Zebra "}, {"content": {"a": 1, "b": {}}}])
def test_a_change_that_changes_nothing_makes_no_version(alice, body):
    item = make_item(alice.user, "Zebra", content={"b": {}, "a": 1})
    before = alice.get(f"/api/items/{item.pk}").json()

    response = alice.put(f"/api/items/{item.pk}", body)

    assert (response.status_code, response.json()) == (200, before)
    assert not Revision.objects.exists()


@pytest.mark.parametrize(("old", "new"), [(True, 1), (0, False), (1, 1.0), ({}, []), (None, 0)])
def test_json_values_that_only_python_takes_for_equal_are_a_change(alice, old, new):
    item = make_item(alice.user, content={"a": [old]})

    after = alice.patch(f"/api/items/{item.pk}", {"content": {"a": [new]}}).json()

    assert after["version"] == 2
    assert type(after["content"]["a"][0]) is type(new)


def test_the_date_of_publishing_is_set_once(alice):
    item = make_item(alice.user)
    path = f"/api/items/{item.pk}"

    first = alice.patch(path, {"status": "published"}).json()
    alice.patch(path, {"status": "archived"})
    again = alice.patch(path, {"status": "published"}).json()

    assert first["published_at"] == first["updated_at"]
    assert again["published_at"] == first["published_at"]
    assert again["updated_at"] > first["updated_at"]


def test_keys_that_are_unknown_or_not_writable_are_ignored(alice, bob):
    item = make_item(alice.user)
    before = alice.get(f"/api/items/{item.pk}").json()
    body = {"id": 10**9, "user_id": bob.user.pk, "owner": bob.user.pk, "owner_id": bob.user.pk}
    body |= {"version": 9, "published_at": None, "created_at": None, "trashed_at": "2001-01-01"}

    response = alice.put(f"/api/items/{item.pk}", body | {"colour": "red"})

    assert (response.status_code, response.json()) == (200, before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", ""),
        ("title", None),
        ("title", 5),
        ("title", "x" * 301),
        ("description", "x" * 5001),
        ("content", []),
        ("metadata", "x"),
        ("content", {"a": "x" * 1024 * 1024}),
        ("item_type", "A"),
        ("status", "nope"),
        ("tags", [""]),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("verb", ["put", "patch"])
def test_a_bad_value_is_refused_and_nothing_changes(alice, verb, name, value):
    item = make_item(alice.user)
    before = Item.objects.values().get()

    response = getattr(alice, verb)(f"/api/items/{item.pk}", {"description": "y", name: value})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]
    assert Item.objects.values().get() == before
    assert not Revision.objects.exists()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        etag(200, '"2"'),
        etag(200, '"1"', '"2"'),
        etag(200, "*"),
        etag(412, '"1"'),
        etag(412, 'W/"2"'),
        etag(412, '"2x"'),
        etag(400, "2"),
        etag(400, '"2'),
        etag(400, "nonsense"),
        etag(400, '*, "2"'),
    ],
)
@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_if_match_lets_through_only_the_present_version(alice, verb, header, status):
    item = make_item(alice.user)
    alice.put(f"/api/items/{item.pk}", {"title": "second"})

    response = getattr(alice, verb)(
        f"/api/items/{item.pk}", {"title": "third"}, headers={"If-Match": header}
    )

    is_done = status == 200
    assert response.status_code == (204 if is_done and verb == "delete" else status)
    now = Item.objects.get()
    assert (now.title == "third" or now.trashed_at is not None) == is_done


def test_a_change_costs_two_queries(regular, django_assert_num_queries):
    item = make_item(regular.user)

    with django_assert_num_queries(2):
        regular.put(f"/api/items/{item.pk}", WHOLE)


@pytest.mark.django_db(transaction=True)
def test_a_change_too_long_when_written_out_is_refused_and_nothing_changes(alice):
    item = make_item(alice.user)

    response = alice.put(f"/api/items/{item.pk}", {"metadata": {"a": [1e308] * 8000}})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["metadata"]
    assert (Item.objects.get().version, Revision.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_no_change_is_lost_when_ten_write_at_once(alice):
    path = f"/api/items/{make_item(alice.user, metadata={'n': 0}).pk}"

    def count_up(_):
        while True:
            read = alice.get(path)
            body = {"metadata": {"n": read.json()["metadata"]["n"] + 1}}
            answer = alice.put(path, body, headers={"If-Match": read["ETag"]})
            if answer.status_code == 200:
                connection.close()
                return
            assert answer.status_code == 412

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(count_up, range(30)))
        list(pool.map(lambda _: connection.close(), range(10)))

    item = alice.get(path).json()
    assert (item["metadata"], item["version"]) == ({"n": 30}, 31)
    assert Revision.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_changes_of_different_fields_at_once_all_take_effect(alice):
    path = f"/api/items/{make_item(alice.user).pk}"
    bodies = [{"title": "new"}, {"description": "new"}, {"tags": ["new"]}, {"status": "archived"}]

    def patch(body):
        answer = alice.patch(path, body)
        connection.close()
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(patch, bodies)) == [200] * 4

    item = alice.get(path).json()
    assert item["version"] == 5
    assert all(item[key] == value for body in bodies for key, value in body.items())
