"""Log lines: JSON, complete, and without secrets."""

import io
import json
import logging
import time

import pytest

from alice.common import request_context
from alice.common.logs import HIDDEN, JsonFormatter, TerseFormatter, redact, redact_text
from alice.common.tests.kit import at_most

CANARY = "hush-Canary9"
CARD = "4242424242424242"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
SECRET_TEXTS = [
    f"password={CANARY}",
    f"password: {CANARY}",
    f"PASSWORD = '{CANARY} with spaces'",
    f'{{"password": "{CANARY} with spaces", "x": 1}}',
    f"{{'new_password2': '{CANARY}'}}",
    f"passwd={CANARY}&x=1",
    f"passphrase={CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"authorization: Basic {CANARY}",
    f"'HTTP_AUTHORIZATION': 'Token {CANARY}'",
    f"sent bearer {CANARY}",
    f"Cookie: theme=dark; sessionid={CANARY}",
    f"Set-Cookie: a={CANARY}; HttpOnly",
    f"Stripe-Signature: t=1,v1={CANARY}",
    f"/ws/chat/1?ticket={CANARY}",
    f"/reset?token={CANARY}&next=1",
    f"/download?expires=1&signature={CANARY}",
    f"refresh_token={CANARY}",
    f"client_secret={CANARY}",
    f"api_key={CANARY}",
    f"X-Api-Key: {CANARY}",
    f"private_key={CANARY}",
    f"postgres://alice:{CANARY}@db/alice",
    f"redis://:{CANARY}@redis",
    f"sk_live_{CANARY}",
    f"sk-proj-{CANARY}",
    f"whsec_{CANARY}",
    f"r8_{CANARY}",
    f"ghp_{CANARY}",
    f"xoxb-{CANARY}",
    f"AIza{CANARY}",
]
PLAIN_TEXTS = [
    "GET /api/items/7",
    "The password is wrong.",
    "12345 rows in 0.12 s",
    "https://alice.example:8000/docs?page=2",
    "2026-01-31T12:00:00.000Z",
    "8e03978e-40d5-43dd-bc93-6894a57f9324",
    "task-runner desk_top risk-free",
]


def line_of(message="said", formatter=None, error=None, args=(), **extra):
    """What a handler with the formatter writes for one record."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter or JsonFormatter())
    logger = logging.Logger("alice.test")  # noqa: LOG001 - this line's alone
    logger.addHandler(handler)
    logger.error(message, *args, exc_info=error, extra=extra)
    assert stream.getvalue().count("\n") >= 1
    return stream.getvalue()


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_text_is_hidden(text):
    shown = redact_text(text)

    assert CANARY not in shown
    assert "spaces" not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize("number", [CARD, "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_what_looks_like_a_card_is_hidden(number):
    assert redact_text(f"paid with {number}.") == f"paid with {HIDDEN}."


def test_a_token_on_its_own_is_hidden():
    assert redact_text(f"got {TOKEN} back") == f"got {HIDDEN} back"


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_what_is_no_secret_stays(text):
    assert redact_text(text) == text


@pytest.mark.parametrize("where", ["message", "args", "extra", "nested", "exception", "object"])
@pytest.mark.parametrize("formatter", [JsonFormatter, TerseFormatter])
def test_a_canary_is_nowhere_in_the_log(where, formatter):
    secret = f"password={CANARY}"
    cases = {
        "message": {"message": f"sent {secret}"},
        "args": {"message": "sent %s", "args": (secret,)},
        "extra": {"note": secret, "token": CANARY, "password": [CANARY], "cookies": {"a": CANARY}},
        "nested": {"request": {"headers": [{"Authorization": CANARY}, {"x": (secret,)}]}},
        "exception": {"error": ValueError(secret)},
        "object": {"thing": ValueError(secret), "raw": secret.encode(), "many": {secret}},
    }

    assert CANARY not in line_of(formatter=formatter(), **cases[where])


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *[(name, True) for name in ("password", "Password2", "pass", "new_passphrase", "token")],
        *[(name, True) for name in ("api_key", "api-key", "apikey", "access_key", "private_key")],
        *[(name, True) for name in ("Cookie", "sessionid", "session_id", "credentials", "cvc")],
        *[(name, True) for name in ("Stripe-Signature", "client_secret", "ticket", "card_number")],
        *[(name, False) for name in ("username", "compass", "bypass", "key", "tickets_sold")],
    ],
)
def test_a_value_is_hidden_by_the_name_it_goes_by(name, is_secret):
    assert redact({name: "x"}) == {name: HIDDEN if is_secret else "x"}
    assert redact({name: None}) == {name: None}


def test_a_line_is_one_object_with_what_is_known():
    request_context.enter(request_context.RequestContext("request-7"))
    try:
        line = json.loads(
            line_of("said %s", args=("it",), status=200, level="mine", rows=[1, 2.5])
        )
    finally:
        request_context.leave()

    assert line["message"] == "said it"
    assert (line["level"], line["logger"], line["request_id"]) == (
        "error",
        "alice.test",
        "request-7",
    )
    assert (line["status"], line["rows"]) == (200, [1, 2.5])
    assert line["time"].endswith("+00:00")


def test_outside_of_a_request_a_line_has_no_request_id():
    assert "request_id" not in json.loads(line_of())


@pytest.mark.parametrize(
    "value", ["\ud800", 2**70, float("nan"), b"\xff", object(), {1: {2: 3}}, {"a": {1, 2}}, "a\nb"]
)
def test_an_odd_value_costs_no_line(value):
    line = line_of("said \ud800", odd=value)

    assert json.loads(line)["level"] == "error"
    assert line.count("\n") == 1


def test_an_exception_is_told_with_its_traceback():
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        line = json.loads(line_of(error=error))

    assert "ZeroDivisionError" in line["exception"]
    assert "Traceback" in line["exception"]


@pytest.mark.parametrize(
    "part",
    [
        *("a-", "token", "token=", 'token="', "eyJ-", "eyJa.", "bearer ", "bearer  ", "1-", "1"),
        *("://a:", "://:", "cookie:", "password='", "secret-", "sk_", "sk-", "eyJ", ":", " ", '"'),
        *("authorization", "Authorization: ", "signature", "api_key"),
    ],
)
def test_a_long_line_is_searched_in_one_go(part):
    text = part * (60_000 // len(part))

    with at_most(0.5, clock=time.thread_time):
        redact_text(text)
