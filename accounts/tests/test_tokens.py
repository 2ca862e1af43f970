"""Forged, expired and odd tokens: 401 everywhere, and nothing else."""

import base64
import json
import time

import jwt
import pytest
from django.conf import settings
from django.urls import get_resolver

from accounts.services.mails import reset_token, verification_token
from accounts.services.tokens import read_access

ME = "/api/auth/me"

pytestmark = pytest.mark.django_db


def claims_of(alice, **changes):
    now = int(time.time())
    claims = {
        "type": "access",
        "sub": str(alice.user.pk),
        "sid": alice.signed_in.pk,
        "staff": False,
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def signed(claims, key=None, algorithm="HS256", headers=None):
    return jwt.encode(claims, key or settings.SECRET_KEY, algorithm=algorithm, headers=headers)


def unsigned(header, claims):
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."


def status_with(client, token):
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {token}").status_code


def test_the_claims_of_this_file_are_good_ones(alice, anonymous):
    assert status_with(anonymous, signed(claims_of(alice))) == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", ["HS256"], None, "RS256"])
def test_a_token_without_a_signature_is_refused(alice, anonymous, algorithm):
    token = unsigned({"alg": algorithm, "typ": "JWT"}, claims_of(alice))

    assert status_with(anonymous, token) == 401
    assert status_with(anonymous, token + "AAAA") == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["exp"]},
        {"crit": ["x"], "x": 1},
    ],
)
def test_a_critical_header_that_nobody_knows_is_refused(alice, anonymous, headers):
    assert status_with(anonymous, signed(claims_of(alice), headers=headers)) == 401


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_key_is_refused(alice, anonymous, algorithm):
    assert status_with(anonymous, signed(claims_of(alice), algorithm=algorithm)) == 401


def test_headers_that_name_a_key_elsewhere_are_not_followed(alice, anonymous):
    # The suite blocks every socket that leaves this machine, so following one would raise.
    headers = {"jku": "https://203.0.113.1/k", "x5u": "https://203.0.113.1/c", "kid": "../../x"}

    assert status_with(anonymous, signed(claims_of(alice), headers=headers)) == 200
    assert status_with(anonymous, signed(claims_of(alice), key="k" * 40, headers=headers)) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": None},
        {"exp": [1]},
        {"iat": 2**33},
        {"iat": ...},
        {"iat": "x"},
        {"nbf": 2**33},
        {"sub": ...},
        {"sub": "abc"},
        {"sub": "1\x00"},
        {"sub": "-1"},
        {"sub": "0"},
        {"sub": str(10**30)},
        {"sub": "١"},  # a digit, but not an ASCII one
        {"sub": {"id": 1}},
        {"sub": 1.5},
        {"sub": None},
        {"sid": ...},
        {"sid": "abc"},
        {"sid": 0},
        {"sid": -1},
        {"sid": 2**63},
        {"sid": True},
        {"sid": [1]},
        {"staff": ...},
        {"type": "refresh"},
        {"type": ...},
        {"type": None},
        {"type": ["access"]},
    ],
)
def test_an_odd_claim_is_refused_even_when_well_signed(alice, anonymous, changes):
    assert status_with(anonymous, signed(claims_of(alice, **changes))) == 401


def test_only_a_true_staff_claim_makes_staff(alice):
    claims = [claims_of(alice, staff=value) for value in (True, "true", 1, [True])]

    assert [read_access(signed(c)).is_staff for c in claims] == [True, False, False, False]


@pytest.mark.parametrize("exp", [10**30, 1e300])
def test_an_end_beyond_all_dates_is_no_fault(alice, anonymous, exp):
    assert status_with(anonymous, signed(claims_of(alice, exp=exp))) in {200, 401}


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: token[:-2],
        lambda token: token + "x",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.replace(".", ". ", 1),
        lambda token: token.upper(),
        lambda token: "é" + token,
        lambda token: token + "\x00",
        lambda token: "",
        lambda token: "." * 10_000,
        lambda token: "a" * 200_000,
    ],
)
def test_a_damaged_token_is_refused(alice, anonymous, damage):
    assert status_with(anonymous, damage(alice.access_token)) == 401


def test_a_token_of_another_key_is_refused_and_of_a_former_key_is_not(alice, anonymous, settings):
    former = signed(claims_of(alice), key="the-key-before-this-one-was-longer-too")
    assert status_with(anonymous, former) == 401

    settings.SECRET_KEY_FALLBACKS = ["the-key-before-this-one-was-longer-too"]

    assert status_with(anonymous, former) == 200


def test_a_session_belongs_to_the_user_of_its_token(alice, bob, anonymous):
    token = signed(claims_of(alice, sub=str(bob.user.pk)))

    assert status_with(anonymous, token) == 401


def test_refresh_and_mailed_tokens_are_no_access_tokens(alice, anonymous):
    for token in (
        alice.refresh_token,
        reset_token(alice.user),
        verification_token(alice.user),
        alice.post("/api/auth/ticket").json()["ticket"],
    ):
        assert status_with(anonymous, token) == 401


def api_paths():
    """Every path below /api, with 1 for each variable."""
    found = set()

    def walk(patterns, prefix):
        for entry in patterns:
            part = str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                walk(entry.url_patterns, prefix + part)
            elif (prefix + part).startswith("api/"):
                found.add((prefix + part, entry))

    walk(get_resolver().url_patterns, "")
    return sorted(found, key=lambda pair: pair[0])


PUBLIC = {
    "api/auth/register",
    "api/auth/login",
    "api/auth/refresh",
    "api/auth/password/reset",
    "api/auth/password/reset/confirm",
    "api/auth/email/verify",
    "api/billing/webhook",
    "api/system/health",
    "api/schema",
}
# A player follows the names in a playlist; what it may follow is in the path.
BY_GRANT_IN_THE_PATH = {
    "api/media/<id:media_id>/hls/<str:grant>/<str:name>",
    "api/collab/shared/<str:token>",
}
NIL = "00000000-0000-0000-0000-000000000000"


def methods_of(entry):
    actions = getattr(entry.callback, "actions", None)
    if actions:
        return sorted(actions)
    view = entry.callback.view_class
    return [m for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)]


CALLS = [
    (method, path)
    for path, entry in api_paths()
    for method in methods_of(entry)
    if path not in PUBLIC | BY_GRANT_IN_THE_PATH
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_other_endpoint_wants_a_session(anonymous, method, path):
    url = "/" + path
    while "<" in url:
        head, _, rest = url.partition("<")
        kind, _, rest = rest.partition(":")
        url = head + (NIL if kind == "uuid" else "1") + rest.partition(">")[2]

    plain = anonymous.generic(method.upper(), url)
    forged = anonymous.generic(method.upper(), url, HTTP_AUTHORIZATION="Bearer a.b.c")

    for response in (plain, forged):
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert set(response.json()) == {"detail", "code", "request_id"}
