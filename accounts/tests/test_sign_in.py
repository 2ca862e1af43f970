"""Registration and login over the API."""

import pytest

from accounts.models import Role, Session, User
from accounts.tests.factories import PASSWORD, make_user

REGISTER, LOGIN, ME = "/api/auth/register", "/api/auth/login", "/api/auth/me"

pytestmark = pytest.mark.django_db


def test_a_new_user_is_signed_in_at_once(anonymous):
    body = {"username": "Ada", "email": "Ada@example.com", "password": PASSWORD}

    response = anonymous.post(REGISTER, body)

    assert response.status_code == 201
    pair = response.json()
    assert pair["token_type"] == "bearer"
    assert pair["expires_in"] == 1800
    me = anonymous.get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}").json()
    assert (me["username"], me["email"], me["role"]) == ("Ada", "Ada@example.com", "user")


def test_login_works_by_name_and_by_address_in_any_case(anonymous):
    make_user("Grace", email="Grace@example.com")

    for name in ("Grace", "grace", "GRACE@EXAMPLE.COM", "ｇrace"):
        assert anonymous.post(LOGIN, {"username": name, "password": PASSWORD}).status_code == 200


def test_tokens_are_not_for_caches(anonymous):
    make_user("grace")

    response = anonymous.post(LOGIN, {"username": "grace", "password": PASSWORD})

    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("alice", "other@example.com"),
        ("ALICE", "other@example.com"),
        ("ａlice", "other@example.com"),
        (" alice ", "other@example.com"),
        ("other", "alice@example.com"),
        ("other", "ALICE@example.com"),
    ],
)
def test_a_name_or_address_is_given_once_whatever_its_case_or_width(
    alice, anonymous, username, email
):
    body = {"username": username, "email": email, "password": PASSWORD}

    response = anonymous.post(REGISTER, body)

    assert response.status_code == 400
    assert "is taken" in response.json()["detail"]
    assert User.objects.count() == 1
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a"}, "username"),
        ({"username": "a" * 65}, "username"),
        ({"username": "has space"}, "username"),
        ({"username": "<b>"}, "username"),
        ({"username": "-dash"}, "username"),
        ({"username": "аdmin"}, "username"),
        ({"username": "at@sign"}, "username"),
        ({"username": 7}, "username"),
        ({"username": None}, "username"),
        ({"username": ["x"]}, "username"),
        ({"email": "nope"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "ａlice@example.com"}, "email"),
        ({"email": "x" * 250 + "@example.com"}, "email"),
        ({"email": "a@example.com\nBcc: b@example.com"}, "email"),
        ({"password": "short7!"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "x" * 1_000_000}, "password"),
        ({"password": " " * 12}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "8301746529"}, "password"),
        ({"password": "newcomer"}, "password"),
    ],
)
def test_a_poor_name_address_or_password_is_refused(anonymous, change, field):
    body = {"username": "newcomer", "email": "new@example.com", "password": PASSWORD} | change

    response = anonymous.post(REGISTER, body)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert response.json()["detail"].startswith(f"{field}: ")
    assert not User.objects.exists()


def test_an_overlong_password_is_refused_before_it_is_hashed(anonymous, monkeypatch):
    monkeypatch.setattr("accounts.services.sign_in.make_password", None)
    body = {"username": "newcomer", "email": "new@example.com", "password": "x" * 129}

    assert anonymous.post(REGISTER, body).status_code == 400


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_of_8_and_of_128_characters_will_do(anonymous, length):
    password = "".join(chr(33 + (i * 7) % 90) for i in range(length))
    body = {"username": "newcomer", "email": "new@example.com", "password": password}

    assert anonymous.post(REGISTER, body).status_code == 201
    assert anonymous.post(LOGIN, {"username": "newcomer", "password": password}).status_code == 200


def test_what_a_body_may_not_set_is_ignored(anonymous):
    body = {
        "username": "newcomer",
        "email": "new@example.com",
        "password": PASSWORD,
        "id": 99_999,
        "role": "admin",
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "email_verified_at": "2020-01-01T00:00:00Z",
        "created_at": "2020-01-01T00:00:00Z",
        "tier": "pro",
    }

    assert anonymous.post(REGISTER, body).status_code == 201

    user = User.objects.get()
    assert user.role == Role.USER
    assert not user.is_superuser
    assert user.email_verified_at is None
    assert user.is_active
    assert user.pk != 99_999
    assert user.created_at.year > 2020


@pytest.mark.parametrize(
    "credentials",
    [
        {"username": "grace", "password": "wrong-password"},
        {"username": "grace", "password": ""},
        {"username": "grace", "password": PASSWORD + " "},
        {"username": "grace", "password": "x" * 1000},
        {"username": "nobody", "password": PASSWORD},
        {"username": "idle", "password": PASSWORD},
    ],
)
def test_wrong_credentials_open_no_session(anonymous, credentials):
    make_user("grace")
    make_user("idle", is_active=False)

    response = anonymous.post(LOGIN, credentials)

    assert response.status_code in {400, 401}
    assert not Session.objects.exists()


def test_an_unknown_name_costs_as_much_hashing_as_a_wrong_password(anonymous, monkeypatch):
    make_user("grace")
    hashed = []
    monkeypatch.setattr("accounts.services.sign_in.make_password", hashed.append)

    response = anonymous.post(LOGIN, {"username": "nobody", "password": "guess-guess"})

    assert response.status_code == 401
    assert hashed == ["guess-guess"]


def test_after_ten_failures_even_the_right_password_is_refused(anonymous):
    make_user("grace")
    for _ in range(10):
        anonymous.post(LOGIN, {"username": "grace", "password": "wrong-password"})

    response = anonymous.post(LOGIN, {"username": "GRACE", "password": PASSWORD})

    assert response.status_code == 429
    assert response.json()["code"] == "too_many_attempts"
    assert 0 < int(response.headers["Retry-After"]) <= 600
    assert not Session.objects.exists()


def test_thirty_failures_lock_the_peer_out_whatever_it_says_of_itself(anonymous):
    make_user("grace")
    for number in range(30):
        anonymous.post(
            LOGIN,
            {"username": f"nobody{number}", "password": "wrong-password"},
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}",
        )

    response = anonymous.post(
        LOGIN, {"username": "grace", "password": PASSWORD}, HTTP_X_FORWARDED_FOR="203.0.113.99"
    )

    assert response.status_code == 429


def test_signing_in_clears_the_failures_of_the_account(anonymous):
    make_user("grace")
    wrong = {"username": "grace", "password": "wrong-password"}
    right = {"username": "grace", "password": PASSWORD}

    for _ in range(2):
        for _ in range(9):
            assert anonymous.post(LOGIN, wrong).status_code == 401
        assert anonymous.post(LOGIN, right).status_code == 200


def test_an_old_token_in_the_header_does_not_hinder_signing_in(anonymous):
    make_user("grace")
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer not.a.token")

    assert anonymous.post(LOGIN, {"username": "grace", "password": PASSWORD}).status_code == 200


def test_logging_in_costs_a_fixed_number_of_queries(anonymous, django_assert_num_queries):
    make_user("grace")

    # The user; then savepoint, session, last login, release.
    with django_assert_num_queries(5):
        anonymous.post(LOGIN, {"username": "grace", "password": PASSWORD})
