"""Every error is JSON in one shape, and says nothing of what is inside."""

import pytest
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.utils import OperationalError

from alice.common.errors import DomainError, first_sentence
from alice.common.tests.urls import SECRET_PLACE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("faulty_urls")]

INSIDE = (SECRET_PLACE, "hush", "Traceback", "SELECT", "no_such_table", "10.9.8.7", "Error(")


def shape(response):
    """The status and code of an error, after a look at everything else that it must have."""
    body = response.json()
    assert response["Content-Type"] == "application/json"
    assert isinstance(body["detail"], str)
    assert body["request_id"] == response["X-Request-ID"]
    text = response.content.decode()
    assert [word for word in INSIDE if word in text] == []
    return response.status_code, body["code"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("bug", 500, "server_error"),
        ("sql", 500, "server_error"),
        ("database", 503, "database_unavailable"),
        ("slow-sql", 503, "database_unavailable"),
        ("gone", 404, "not_found"),
        ("404", 404, "not_found"),
        ("403", 403, "forbidden"),
        ("suspicious", 400, "invalid"),
        ("limit", 429, "too_many_requests"),
    ],
)
def test_a_fault_in_a_view_has_its_status_and_no_inside(anonymous, fault, status, code):
    response = anonymous.get(f"/api/fault/{fault}")

    assert shape(response) == (status, code)
    assert response.headers.get("Retry-After") == {503: "2", 429: "7"}.get(status)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("bug", 500, "server_error"),
        ("database", 503, "database_unavailable"),
        ("404", 404, "not_found"),
        ("403", 403, "forbidden"),
        ("suspicious", 400, "invalid"),
    ],
)
def test_a_fault_in_a_page_has_its_status_and_no_inside(client, fault, status, code):
    client.raise_request_exception = False

    assert shape(client.get(f"/page/{fault}")) == (status, code)


@pytest.mark.parametrize("path", ["/api/fault/bug", "/page/bug"])
def test_a_programming_fault_is_logged_with_its_traceback(client, caplog, path):
    client.raise_request_exception = False

    client.get(path)

    (record,) = [record for record in caplog.records if record.name == "alice.errors"]
    assert record.levelname == "ERROR"
    assert record.exc_info[0] is RuntimeError


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/", "/api/nowhere", "/api/auth/me/", "/api/jobs/", "/x.php"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_a_path_that_leads_nowhere_is_json_and_never_a_redirect(anonymous, method, path):
    response = getattr(anonymous, method)(path)

    assert shape(response) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/auth/login", "POST, OPTIONS"),
        ("GET", "/api/auth/login", "POST, OPTIONS"),
        ("HEAD", "/api/auth/login", "POST, OPTIONS"),
        ("TRACE", "/api/system/health", "GET, HEAD, OPTIONS"),
        ("BREW", "/api/system/health", "GET, HEAD, OPTIONS"),
        ("__init__", "/api/system/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_405_and_told_which_are_allowed(anonymous, method, path, allowed):
    response = anonymous.generic(method, path)

    assert response.status_code == 405
    assert response["Allow"] == allowed
    if method != "HEAD":
        assert shape(response) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "/api/schema?format=nope", "*/*", 404),
        ("GET", "/api/schema", "image/png", 406),
        ("POST", "/api/schema", "application/yaml", 405),
        ("POST", "/docs", "text/html", 405),
        ("DELETE", "/redoc", "text/html", 405),
    ],
)
def test_an_error_is_json_also_where_answers_are_not(anonymous, method, path, accept, status):
    response = anonymous.generic(method, path, HTTP_ACCEPT=accept)

    assert shape(response)[0] == status


def test_a_form_that_is_too_large_is_413(client):
    form = "email=" + "a" * 3_000_000

    response = client.post(
        "/account/forgot-password", form, content_type="application/x-www-form-urlencoded"
    )

    assert shape(response) == (413, "payload_too_large")


def test_a_query_of_too_many_fields_is_400(alice):
    query = "&".join(f"a{number}=1" for number in range(1001))

    assert shape(alice.get(f"/api/jobs?{query}")) == (400, "invalid")


def test_a_method_cannot_be_overridden(anonymous):
    response = anonymous.get("/api/auth/login", HTTP_X_HTTP_METHOD_OVERRIDE="POST")

    assert shape(response) == (405, "method_not_allowed")


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/xml;q=1, */*;q=0", ""])
def test_json_is_answered_whatever_is_accepted(anonymous, accept):
    response = anonymous.get("/api/fault/404", HTTP_ACCEPT=accept)

    assert shape(response) == (404, "not_found")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
        "nonsense",
        "näh/ja",
    ],
)
def test_a_body_of_another_type_is_415(anonymous, content_type):
    response = anonymous.generic("POST", "/api/echo", b'{"a": 1}', content_type=content_type)

    assert shape(response) == (415, "unsupported_media_type")


def test_a_body_above_two_mebibytes_is_413(anonymous):
    body = b'"' + b"a" * (2 * 1024 * 1024 - 2) + b'"'

    fits = anonymous.generic("POST", "/api/echo", body, content_type="application/json")
    too_large = anonymous.generic(
        "POST", "/api/echo", body + b" ", content_type="application/json"
    )

    assert fits.status_code == 200
    assert shape(too_large) == (413, "payload_too_large")


@pytest.mark.parametrize("host", ["evil.example", "a b", "localhost:x", "", "x" * 5000, "näh"])
@pytest.mark.parametrize("path", ["/api/system/health", "/nowhere", "/docs"])
def test_a_bad_host_is_400(anonymous, host, path):
    response = anonymous.get(path, HTTP_HOST=host)

    assert shape(response) == (400, "invalid")


def test_a_database_that_is_away_is_503_and_then_forgotten(alice, monkeypatch):
    def refuse(self):
        raise OperationalError('connection to server at "10.9.8.7" failed')

    with monkeypatch.context() as away:
        away.setattr(DatabaseWrapper, "cursor", refuse)
        response = alice.get("/api/auth/sessions")

    assert shape(response) == (503, "database_unavailable")
    assert response["Retry-After"] == "2"
    assert alice.get("/api/auth/sessions").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "bearer  ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer é.ü.ö",
        "Bearer \xff\xfe",
        "Bearer " + "a" * 8000,
        "Bearer " + "W1tb" * 3000 + ".e30.e30",
        "Basic YWxpY2U6aHVzaA==",
        "",
        ",",
        "Bearer a b",
    ],
)
def test_an_odd_authorization_is_401_with_a_challenge(anonymous, authorization):
    response = anonymous.get("/api/auth/me", HTTP_AUTHORIZATION=authorization)

    assert shape(response)[0] == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("body", "detail", "errors"),
    [
        ({}, "tags: This field is required.", {"tags", "count"}),
        ({"tags": ["a", "long"], "count": 1}, "tags.1: Ensure", {"tags"}),
        ({"tags": [], "count": 99}, "count: Ensure", {"count"}),
        ({"tags": [], "count": 1e30}, "count: A valid integer", {"count"}),
        ({"tags": [], "count": "9" * 5000}, "count: String value too large", {"count"}),
    ],
)
def test_a_validation_error_names_the_first_field(anonymous, body, detail, errors):
    response = anonymous.post("/api/tags", body)

    assert shape(response) == (400, "invalid")
    assert response.json()["detail"].startswith(detail)
    assert response.json()["errors"].keys() == errors


@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"', "[[]]", "true"])
def test_a_body_that_is_no_object_is_400(anonymous, body):
    response = anonymous.generic("POST", "/api/tags", body, content_type="application/json")

    assert shape(response) == (400, "invalid")


def test_the_first_sentence_names_the_way_to_the_fault():
    nested = {"a": [{}, {"b": ["No."]}]}

    assert first_sentence(nested) == "a.b: No."
    assert first_sentence({"non_field_errors": ["No."]}) == "No."
    assert first_sentence(["No."]) == "No."


def test_a_domain_error_says_its_class_sentence_or_its_own():
    assert str(DomainError()) == "This cannot be done in the present state."
    assert DomainError("Not now.", wait=3).details == {"wait": 3}


def test_a_304_carries_no_length_of_its_own(anonymous):
    response = anonymous.get("/api/not-modified")

    assert response.status_code == 304
    assert not {"Content-Length", "Content-Type"} & set(response.headers)


def test_options_is_no_method_and_describes_no_view(alice):
    response = alice.options("/api/auth/me")

    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
