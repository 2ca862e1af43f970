import httpx
import pytest

from alice.tests.bridge_kit import Echo, Loopback, make_bridge


@pytest.fixture(scope="session")
def loopback():
    server = Loopback()
    yield server
    server.stop()


@pytest.fixture
def serve(loopback):
    """`serve(application, **options)` puts a new bridge behind the loopback server."""
    bridges = []

    def start(application, **options):
        loopback.bridge = make_bridge(application, **options)
        bridges.append(loopback.bridge)
        return loopback

    yield start
    for bridge in bridges:
        assert bridge.shutdown(timeout_seconds=5)


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def bridged():
    """`bridged(application, **options)` is a bridge without a server, for direct calls."""
    bridges = []

    def make(application, **options):
        bridges.append(make_bridge(application, **options))
        return bridges[-1]

    yield make
    for bridge in bridges:
        assert bridge.shutdown(timeout_seconds=5)


@pytest.fixture
def http(loopback):
    with httpx.Client(base_url=f"http://127.0.0.1:{loopback.port}", trust_env=False) as client:
        yield client
