import pytest
from django.conf import settings as django_settings

from alice.common import redis_client
from alice.common.tests.kit import wait_until


@pytest.fixture
def faulty_urls(settings):
    """The URLs of this folder instead of the product's."""
    settings.ROOT_URLCONF = "alice.common.tests.urls"


class RedisSwitch:
    """Points the process at another Redis, and back."""

    def __init__(self, settings):
        self.settings = settings
        self.own_url = django_settings.REDIS_URL

    def point_at(self, url):
        redis_client.client().close()
        self.settings.REDIS_URL = url
        redis_client.client.cache_clear()

    def stop(self):
        self.point_at("unix:///nonexistent/redis.sock?db=0")

    def start(self):
        self.point_at(self.own_url)
        wait_until(lambda: not redis_client.breaker.is_open)


@pytest.fixture
def redis_switch(settings):
    switch = RedisSwitch(settings)
    yield switch
    switch.start()
