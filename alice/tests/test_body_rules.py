"""Which bodies may be how long, and whose."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services import tokens
from alice.body_rules import body_rule
from alice.bridge.bodies import BodyRule
from alice.common.tests.kit import entitle

UPLOADS = [
    ("POST", "/api/files/upload"),
    ("POST", "/api/media/upload"),
    ("PATCH", "/api/uploads/0198a1b2"),
]
MISSING = (401, "not_authenticated")
WRONG = (401, "token_invalid")


@pytest.fixture(autouse=True)
def limits(settings):
    settings.JSON_BODY_MAX_BYTES = 10
    entitle(settings, free={"upload_size_bytes": 500}, pro={"upload_size_bytes": 1000})
    settings.UPLOAD_FORM_BYTES = 100


def access_token(*, ends_in=timedelta(minutes=5), token_type=tokens.ACCESS, **claims):
    now = timezone.now()
    claims |= {"sid": 1, "sub": "1", "staff": False}
    return tokens._sign(token_type, issued=now, ends=now + ends_in, **claims)


def rule_of(method, path, authorization=None, **environ):
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path}
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    return body_rule(environ)


@pytest.mark.parametrize(
    ("method", "path", "rule"),
    [
        ("POST", "/api/files/upload", BodyRule(1100)),
        ("POST", "/api/media/upload", BodyRule(1100)),
        ("PATCH", "/api/uploads/0198a1b2", BodyRule(1000, keeps_partial=True)),
        ("PATCH", "/api/uploads/any/thing", BodyRule(1000, keeps_partial=True)),
        ("PUT", "/api/files/upload", BodyRule(10)),
        ("PATCH", "/api/media/upload", BodyRule(10)),
        ("POST", "/api/files/upload/", BodyRule(10)),
        ("POST", "/api/files/uploads", BodyRule(10)),
        ("POST", "/api/media/7/transcode", BodyRule(10)),
        ("POST", "/api/uploads", BodyRule(10)),
        ("PATCH", "/api/uploads", BodyRule(10)),
        ("POST", "/api/uploads/0198a1b2", BodyRule(10)),
        ("PUT", "/api/uploads/0198a1b2", BodyRule(10)),
        ("PATCH", "/api/uploadsx/1", BodyRule(10)),
        ("POST", "/x/api/files/upload", BodyRule(10)),
        ("POST", "/api/items", BodyRule(10)),
        ("GET", "/", BodyRule(10)),
    ],
)
def test_each_path_and_method_has_its_limit(method, path, rule):
    assert rule_of(method, path, f"Bearer {access_token()}") == rule


def test_a_header_makes_no_other_method_of_it():
    headers = {"HTTP_X_HTTP_METHOD_OVERRIDE": "PATCH"}

    rule = rule_of("POST", "/api/uploads/1", f"bearer {access_token()}", **headers)

    assert rule == BodyRule(10)


@pytest.mark.parametrize(("method", "path"), UPLOADS)
@pytest.mark.parametrize(
    ("authorization", "refused"),
    [
        (lambda: None, MISSING),
        (lambda: "", MISSING),
        (lambda: "Bearer", WRONG),
        (lambda: "Bearer ", WRONG),
        (lambda: "Bearer of.bad.news", WRONG),
        (lambda: "Bearer \xe9\xff", WRONG),
        (lambda: f"Bearer {access_token(padding='A' * 3000)}", WRONG),
        (access_token, MISSING),
        (lambda: f"Basic {access_token()}", MISSING),
        (lambda: f"Bearer {access_token()}x", WRONG),
        (lambda: f"Bearer {access_token()},Bearer {access_token()}", WRONG),
        (lambda: f"Bearer {access_token(token_type=tokens.REFRESH)}", WRONG),
        (lambda: f"Bearer {access_token(ends_in=-timedelta(seconds=1))}", (401, "token_expired")),
    ],
)
def test_without_a_good_token_only_a_short_body_may_pass(method, path, authorization, refused):
    rule = rule_of(method, path, authorization())

    assert (rule.limit_bytes, rule.keeps_partial) == (10, False)
    refusal = rule.passed()
    assert (refusal.status, refusal.code) == refused
    assert (b"www-authenticate", b'Bearer realm="api"') in refusal.start()["headers"]


def test_a_token_that_was_good_is_not_good_for_ever(monkeypatch):
    authorization = f"Bearer {access_token()}"
    assert rule_of(*UPLOADS[0], authorization).limit_bytes == 1100

    monkeypatch.setattr(tokens.time, "time", lambda: timezone.now().timestamp() + 301)

    assert rule_of(*UPLOADS[0], authorization).limit_bytes == 10


def test_who_passes_the_limit_with_a_good_token_is_told_413():
    refusal = rule_of(*UPLOADS[0], f"Bearer {access_token()}").passed()

    assert (refusal.status, refusal.code) == (413, "payload_too_large")
    assert "1100 bytes" in refusal.detail


def test_nothing_is_looked_up(monkeypatch):
    # The database is closed to this test anyway.
    with monkeypatch.context() as patch:
        patch.setattr("alice.common.redis_client.client", None)

        assert rule_of(*UPLOADS[0], f"Bearer {access_token()}").limit_bytes == 1100
