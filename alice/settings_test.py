"""Settings of the test suite: real PostgreSQL and Valkey, thrown away when the run ends."""

import atexit
import contextlib
import os
import tempfile
from dataclasses import replace

# Before the settings are read: the run's own servers, started once and inherited by every worker.
if "ALICE_TEST_DATABASE_URL" not in os.environ:
    from alice.runtime.engines import throwaway_engines

    keeper = contextlib.ExitStack()
    engines = keeper.enter_context(throwaway_engines())
    folder = keeper.enter_context(tempfile.TemporaryDirectory(prefix="alice-suite-"))
    atexit.register(keeper.close)
    os.environ |= {
        "ALICE_TEST_DATABASE_URL": engines.database_url,
        "ALICE_TEST_REDIS_URL": engines.redis_url,
        "ALICE_TEST_FOLDER": folder,
    }

worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
os.environ |= {
    "DATABASE_URL": os.environ["ALICE_TEST_DATABASE_URL"],
    "REDIS_URL": os.environ["ALICE_TEST_REDIS_URL"].replace("db=0", f"db={worker[2:]}"),
    "ALICE_DATA_DIR": f"{os.environ['ALICE_TEST_FOLDER']}/{worker}",
    "ALICE_ENV": "development",
    "AWS_STORAGE_BUCKET_NAME": "",
    "STRIPE_SECRET_KEY": "",
    "STRIPE_WEBHOOK_SECRET": "",
    "STRIPE_PRICE_ID": "",
    "STRIPE_API_BASE": "http://127.0.0.1:9",  # closed: nothing leaves for the real one
}

from alice.settings import *  # noqa: E402, F403

# Cloned from the database that conftest.py migrates once.
DATABASES["default"]["TEST"] = {"TEMPLATE": "alice"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
TIERS = {name: replace(tier, requests_per_minute=100_000) for name, tier in TIERS.items()}  # noqa: F405
TIERS["pro"] = replace(TIERS["pro"], requests_per_minute=200_000)
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}}
