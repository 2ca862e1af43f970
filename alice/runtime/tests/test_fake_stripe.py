# ruff: noqa: S603
import os
import re
import socket
import subprocess
import urllib.request
from contextlib import closing

import pytest

from alice.runtime.config import PROJECT_DIR, read_config
from alice.runtime.errors import CannotRun
from alice.runtime.fake_stripe import bind_fake_stripe, fake_stripe_spec
from alice.runtime.plan import Addresses, product_plan
from alice.runtime.run import welcome


def addresses_with(fake_stripe, listener):
    return Addresses(
        database_url="postgresql://elsewhere/alice",
        redis_url="redis://elsewhere/0",
        base_url="http://127.0.0.1:8000",
        listeners=(listener,),
        fake_stripe=fake_stripe,
    )


@pytest.fixture
def listener():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


@pytest.fixture
def fake():
    fake = bind_fake_stripe(read_config({"ALICE_FAKE_STRIPE": "1"}))
    yield fake
    fake.listener.close()


def test_no_stand_in_runs_unless_it_is_asked_for(listener):
    config = read_config({})

    plan = product_plan(config, addresses_with(bind_fake_stripe(config), listener))

    assert [spec.name for spec in plan.background] == ["worker", "beat"]


def test_production_is_refused_whatever_else_is_set():
    with pytest.raises(CannotRun, match="in production nobody would pay") as refused:
        read_config({"ALICE_FAKE_STRIPE": "1", "ALICE_ENV": "production"})

    assert refused.value.exit_code == 2


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_SECRET_KEY_FILE"])
def test_a_key_of_stripe_and_the_stand_in_exclude_each_other(name):
    with pytest.raises(CannotRun, match="both set"):
        read_config({"ALICE_FAKE_STRIPE": "1", name: "sk_test_1"})


def test_every_process_is_led_to_the_stand_in_with_the_same_keys(listener, fake):
    config = read_config({"ALICE_FAKE_STRIPE": "1"})

    plan = product_plan(config, addresses_with(fake, listener))

    assert [spec.name for spec in plan.background] == ["worker", "beat", "fake-stripe"]
    for spec in (plan.prepare, *plan.web, *plan.background):
        assert fake.environ.items() <= spec.environ.items()
    assert re.fullmatch(r"sk_test_[0-9a-f]{32}", fake.environ["STRIPE_SECRET_KEY"])
    assert fake.listener.getsockname()[0] == "127.0.0.1"


def test_two_runs_have_different_keys(fake):
    another = bind_fake_stripe(read_config({"ALICE_FAKE_STRIPE": "1"}))
    another.listener.close()

    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        assert fake.environ[name] != another.environ[name]


def test_the_start_says_that_no_money_moves(listener, fake):
    config = read_config({"ALICE_FAKE_STRIPE": "1"})

    text = welcome("Ready.", config, addresses_with(fake, listener))

    assert f"{fake.url}  a stand-in: no money moves" in text


def started(fake, tmp_path, **environ):
    base = {**os.environ, **fake.environ, "ALICE_DATA_DIR": str(tmp_path), "ALICE_ENV": ""}
    spec = fake_stripe_spec(fake, {**base, **environ}, "http://127.0.0.1:9")
    return subprocess.Popen(
        spec.command,
        cwd=PROJECT_DIR,
        env=dict(spec.environ),
        pass_fds=spec.kept_fds,
        stderr=subprocess.PIPE,
    )


def test_the_process_answers_at_the_socket_and_ends_when_told(fake, tmp_path):
    with started(fake, tmp_path) as process:
        with urllib.request.urlopen(fake.url, timeout=60) as page:  # noqa: S310 - http
            text = page.read().decode()

        process.terminate()

        assert process.wait(20) == 0
    assert "Stand-in for Stripe - no money moves" in text


def test_the_process_refuses_production_by_itself(fake, tmp_path):
    with started(fake, tmp_path, ALICE_ENV="production") as process:
        assert process.wait(60) == 2
        assert b"never runs in production" in process.stderr.read()
