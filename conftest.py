"""Fixtures of the whole suite: the cast, the database template, a clean Redis."""

import signal
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import TestCase, TransactionTestCase
from pytest_django.plugin import blocking_manager_key
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.sessions import open_session
from accounts.services.tokens import mint_pair
from accounts.tests.factories import make_user
from alice.common import redis_client, windows

pytest_plugins = ["alice.tests.browser", "files.tests.stores"]

# Without rows a table has nothing to truncate; kept are the rows that migrating made. Triggers
# and foreign keys do not count meanwhile: all that is there goes.
EMPTY_USED_TABLES = """
DO $$
DECLARE
  name text;
  is_used boolean;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN
    SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
  LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO is_used;
    IF is_used THEN
      EXECUTE 'DELETE FROM ' || name;
    END IF;
  END LOOP;
END $$
"""


def empty_used_tables(test: TransactionTestCase) -> None:
    """What a test has committed, away. Django truncates 120 tables for it, in a second."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(EMPTY_USED_TABLES)


TransactionTestCase._fixture_teardown = empty_used_tables  # noqa: SLF001 - it has no hook

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="Fail when a test was skipped.")


def pytest_terminal_summary(terminalreporter, config) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and config.option.strict_skips:
        terminalreporter.write_line(f"{len(skipped)} skipped, which --strict-skips forbids")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.option.strict_skips and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Migrate once, in the process that starts the workers; their databases are clones."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        with config.stash[blocking_manager_key].unblock():
            call_command("migrate", verbosity=0)
            connections.close_all()


class ApiClient(APIClient):
    """Speaks JSON and, as in production, sees the effects of a commit after each request."""

    user: User
    access_token: str
    refresh_token: str

    def request(self, **kwargs):
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**kwargs)

    def sign_in(self, user):
        self.user = user
        self.signed_in = open_session(owner=user, device="test", peer="127.0.0.1")
        pair = mint_pair(self.signed_in)
        self.access_token, self.refresh_token = pair.access_token, pair.refresh_token
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access_token}")
        return self


@pytest.fixture
def anonymous() -> ApiClient:
    """Somebody without an account."""
    return ApiClient()


@pytest.fixture
def alice(db) -> ApiClient:
    """The user whose things the test is about."""
    return ApiClient().sign_in(make_user("alice"))


@pytest.fixture
def bob(db) -> ApiClient:
    """A stranger to alice."""
    return ApiClient().sign_in(make_user("bob"))


@pytest.fixture
def staff(db) -> ApiClient:
    """A superuser, by the API."""
    return ApiClient().sign_in(make_user("staff", is_staff=True, is_superuser=True))


@pytest.fixture
def admin_page(staff, client):
    """A browser in which staff is signed in to the admin."""
    client.force_login(staff.user)
    return client


@pytest.fixture(autouse=True)
def own_data_dir(settings, tmp_path) -> None:
    """Files that a test makes are its own."""
    settings.DATA_DIR = tmp_path


@pytest.fixture(autouse=True)
def clean_redis() -> Iterator[None]:
    """Every test begins with an empty Redis and without counts of its own."""
    yield
    redis_client.client().flushdb()
    windows.local.clear()
