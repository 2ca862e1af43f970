"""GET and HEAD /api/files/{id}/download, by token and by signed link."""

import hashlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from alice.common.signed_urls import signed_url
from files.tests.factories import body_of, make_file

pytestmark = pytest.mark.django_db
CONTENT = b"0123456789" * 100


@pytest.fixture
def file(any_store, alice):
    return make_file(alice.user, CONTENT, "ten.txt")


def path_of(file):
    return f"/api/files/{file.pk}/download"


def next_minute():
    return timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=1)


def link_of(client, file):
    url = client.get(f"/api/files/{file.pk}").json()["download_url"]
    assert url.startswith(f"{settings.PUBLIC_URL}{path_of(file)}?")
    return url.removeprefix(settings.PUBLIC_URL)


@pytest.mark.parametrize("who", ["alice", "anonymous", "bob"])
def test_whoever_has_the_link_gets_the_bytes_without_a_header(request, alice, file, who):
    link = link_of(alice, file)
    reader = request.getfixturevalue(who)

    assert body_of(reader.get(link)) == CONTENT
    assert reader.head(link).status_code == 200


def test_every_list_carries_the_link(alice, anonymous, file):
    (row,) = alice.get("/api/files").json()

    link = row["download_url"].removeprefix(settings.PUBLIC_URL)

    assert link == link_of(alice, file)
    assert body_of(anonymous.get(link)) == CONTENT


def test_the_link_ends_within_a_quarter_of_an_hour(alice, anonymous, file, time_machine):
    time_machine.move_to(next_minute() + timedelta(seconds=59), tick=False)
    link = link_of(alice, file)

    time_machine.shift(timedelta(minutes=14))
    assert body_of(anonymous.get(link)) == CONTENT
    time_machine.shift(timedelta(seconds=2))
    refused = anonymous.get(link)

    assert (refused.status_code, refused.json()["code"]) == (403, "link_refused")


def test_links_of_one_minute_are_the_same(alice, file, time_machine):
    time_machine.move_to(next_minute(), tick=False)
    first = link_of(alice, file)

    time_machine.shift(59)
    assert link_of(alice, file) == first
    time_machine.shift(1)
    assert link_of(alice, file) != first


def test_a_link_is_for_its_object_path_and_verb(alice, anonymous, file):
    other = make_file(alice.user, b"other")
    query = link_of(alice, file).partition("?")[2]
    for_streaming = signed_url(path_of(file), verb="stream").removeprefix(settings.PUBLIC_URL)

    wrong = [f"{path_of(other)}?{query}", for_streaming, f"{path_of(file)}?{query[:-1]}"]

    assert [anonymous.get(url).status_code for url in wrong] == [403] * 3
    assert anonymous.get(f"/api/files/{file.pk}?{query}").status_code == 401


def test_a_bad_link_is_refused_even_to_its_owner(alice, file):
    assert alice.get(f"{path_of(file)}?expires=1&signature=x").status_code == 403


def test_the_link_of_a_deleted_file_finds_nothing(alice, anonymous, file):
    link = link_of(alice, file)
    alice.delete(f"/api/files/{file.pk}")

    assert anonymous.get(link).status_code == 404


def test_a_download_costs_one_query(alice, anonymous, file, django_assert_num_queries):
    link = link_of(alice, file)
    body_of(alice.get(path_of(file)))

    for client, url in ((alice, path_of(file)), (anonymous, link)):
        with django_assert_num_queries(1):
            body_of(client.get(url))


def test_a_head_tells_what_a_get_would(alice, file):
    response = alice.head(path_of(file))

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == "1000"
    assert response["ETag"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    assert response["Content-Type"] == "text/plain"


def test_what_one_has_is_not_sent_again(alice, file):
    tag = alice.head(path_of(file))["ETag"]

    response = alice.get(path_of(file), headers={"If-None-Match": tag})

    assert (response.status_code, response["ETag"]) == (304, tag)


def test_a_part_is_sent_by_itself(alice, local_store):
    file = make_file(alice.user, CONTENT)

    response = alice.get(path_of(file), headers={"Range": "bytes=995-"})

    assert (response.status_code, body_of(response)) == (206, b"56789")
    assert response["Content-Range"] == "bytes 995-999/1000"
    beyond = alice.get(path_of(file), headers={"Range": "bytes=1000-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, "bytes */1000")


#
@pytest.mark.parametrize(
    ("name", "header"),
    [
        ('a"b.txt', r'attachment; filename="a\"b.txt"'),
        ("a\\b", 'attachment; filename="b"'),
        ("a\r\nX-Evil: 1.txt", 'attachment; filename="aX-Evil: 1.txt"'),
        ("日本 ü.txt", "attachment; filename*=utf-8''%E6%97%A5%E6%9C%AC%20%C3%BC.txt"),
        ("a;b.txt", 'attachment; filename="a;b.txt"'),
    ],
)
def test_the_name_comes_back_in_a_header_of_one_line(alice, name, header):
    file = make_file(alice.user)
    alice.patch(f"/api/files/{file.pk}", {"original_filename": name})

    response = alice.head(path_of(file))

    assert response["Content-Disposition"] == header
    assert "X-Evil" not in response.headers


def test_a_file_whose_bytes_were_lost_is_404_and_logged(alice, local_store, caplog):
    file = make_file(alice.user)
    local_store.delete(file.blob.name)

    assert alice.get(path_of(file)).status_code == 404
    assert file.blob.name in caplog.text
