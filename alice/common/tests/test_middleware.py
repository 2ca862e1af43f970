"""What happens around every request, and only around pages."""

import pytest

from alice.common import request_context

HEALTH = "/api/system/health"

pytestmark = pytest.mark.django_db

GOOD_IDS = ["a" * 8, "a" * 128, "0f7d5c4c-9b6e-4d52", "A.b_c-1234"]
BAD_IDS = [
    "",
    "short77",
    "a" * 129,
    "with space",
    "new\nline8",
    "ümlauts88",
    'quote"88',
    "a" * 9000,
]


@pytest.mark.parametrize("offered", GOOD_IDS)
def test_a_well_formed_request_id_is_taken(anonymous, offered):
    response = anonymous.get("/nowhere", HTTP_X_REQUEST_ID=offered)

    assert response["X-Request-ID"] == offered
    assert response.json()["request_id"] == offered


@pytest.mark.parametrize("offered", BAD_IDS)
def test_another_request_id_is_replaced(anonymous, offered):
    response = anonymous.get("/nowhere", HTTP_X_REQUEST_ID=offered)

    assert len(response["X-Request-ID"]) == 32
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_every_request_has_an_id_of_its_own(anonymous):
    ids = {anonymous.get(path)["X-Request-ID"] for path in ("/livez", "/docs", "/nowhere", HEALTH)}

    assert len(ids) == 4


def test_a_request_leaves_its_context_behind(anonymous):
    anonymous.get("/nowhere")

    assert request_context.current_or_none() is None
    assert request_context.current().request_id != request_context.current().request_id


def test_a_request_is_one_line_in_the_log(alice, caplog):
    caplog.set_level("INFO", "alice.requests")

    response = alice.get("/api/nowhere?token=hush", HTTP_X_REQUEST_ID="request-8")
    alice.get("/livez")
    alice.get(HEALTH)

    (record,) = [record for record in caplog.records if record.name == "alice.requests"]
    assert record.getMessage() == "GET /api/nowhere"
    assert (record.plain["status"], record.plain["user_id"], record.plain["peer"]) == (
        404,
        alice.user.pk,
        "127.0.0.1",
    )
    assert record.plain["duration_ms"] > 0
    assert response["X-Request-ID"] == "request-8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{HEALTH}?a=%00", 400),
        (f"{HEALTH}?%00=a", 400),
        ("/admin/login/?next=%00", 400),
        ("/docs?a=b%00c", 400),
        (f"{HEALTH}?a=%2500", 200),
        ("/api/jobs/%00", 404),
        ("/api/auth/sessions/1%00", 404),
        ("/%00", 404),
    ],
)
def test_a_nul_in_a_url_reaches_nobody(anonymous, path, status):
    response = anonymous.get(path)

    assert response.status_code == status
    if status != 200:
        assert isinstance(response.json()["detail"], str)
        assert response["X-Request-ID"]


def test_the_api_knows_no_cookies(admin_page, settings):
    cookie = admin_page.cookies[settings.SESSION_COOKIE_NAME].value
    assert cookie

    by_cookie = admin_page.get("/api/auth/me")
    written = admin_page.post("/api/auth/ticket")

    assert (by_cookie.status_code, written.status_code) == (401, 401)
    assert by_cookie.cookies == {}
    assert admin_page.get("/admin/").status_code == 200


@pytest.mark.parametrize("key", ['"abcdefgh\\000ijkl"', '"\\000"', "a b", "ümlaut", "a" * 5000])
def test_an_odd_session_cookie_is_no_session(client, settings, key):
    client.raise_request_exception = False

    response = client.get("/admin/", HTTP_COOKIE=f"{settings.SESSION_COOKIE_NAME}={key}")

    assert response.status_code == 302


def test_pages_are_protected_against_foreign_forms(anonymous):
    anonymous.handler.enforce_csrf_checks = True

    assert anonymous.post("/account/forgot-password", {"email": "a@b.example"}).status_code == 403
    assert anonymous.post("/api/auth/login", {}).status_code == 400


def test_pages_may_not_be_framed_and_say_what_they_are(client):
    response = client.get("/account/forgot-password")

    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def one_origin(settings):
    """The settings with an origin in CORS_ALLOWED_ORIGINS, which puts the middleware in."""
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [("https://app.example", True), ("https://evil.example", False), ("null", False)],
)
@pytest.mark.usefixtures("one_origin")
def test_only_listed_origins_may_read_answers(anonymous, origin, is_allowed):
    response = anonymous.get("/api/nowhere", HTTP_ORIGIN=origin)

    assert response.headers.get("Access-Control-Allow-Origin") == (origin if is_allowed else None)
    if is_allowed:
        exposed = response["Access-Control-Expose-Headers"]
        for name in ("ETag", "Link", "Retry-After", "X-RateLimit-Remaining", "X-Request-ID"):
            assert name in exposed


@pytest.mark.usefixtures("one_origin")
def test_a_preflight_is_answered_without_a_session(anonymous):
    response = anonymous.options(
        "/api/auth/me",
        HTTP_ORIGIN="https://app.example",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="PATCH",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,idempotency-key",
    )

    assert response.status_code == 200
    assert "PATCH" in response["Access-Control-Allow-Methods"]
    assert "idempotency-key" in response["Access-Control-Allow-Headers"]
