"""Who is at the other end, with and without proxies."""

from ipaddress import ip_network

import pytest

from alice.common.peers import peer_key, peer_of
from alice.common.tests.kit import a_request

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize("forwarded", ["198.51.100.7", "1.2.3.4, 10.0.0.1", "", "x"])
def test_without_trusted_proxies_the_socket_tells(settings, forwarded):
    settings.TRUSTED_PROXIES = []

    request = a_request(REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR=forwarded)

    assert peer_of(request) == "10.0.0.9"


@pytest.mark.parametrize(
    ("socket", "forwarded", "peer"),
    [
        ("10.0.0.9", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.9", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.9", "1.2.3.4,198.51.100.7 , 10.0.0.3", "198.51.100.7"),
        ("10.0.0.9", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.9", "2001:db8::1", "2001:db8::1"),
        ("fd00::9", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.9", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.9", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.9", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.9", "", "10.0.0.9"),
        ("10.0.0.9", "unknown", "10.0.0.9"),
        ("10.0.0.9", "1.2.3.4, unknown", "10.0.0.9"),
        ("10.0.0.9", "1.2.3.4, 5.6.7.8:80", "10.0.0.9"),
        ("10.0.0.9", ",,,", "10.0.0.9"),
        ("198.51.100.9", "1.2.3.4", "198.51.100.9"),
        ("", "1.2.3.4", ""),
    ],
)
def test_the_peer_is_the_rightmost_that_is_no_trusted_proxy(settings, socket, forwarded, peer):
    settings.TRUSTED_PROXIES = PROXIES

    assert peer_of(a_request(REMOTE_ADDR=socket, HTTP_X_FORWARDED_FOR=forwarded)) == peer


@pytest.mark.parametrize(
    ("socket", "peer"),
    [
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1111:2222:3333:4444%an-interface-of-a-long-name", "fe80::1111:2222:3333:4444"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_an_address_has_one_form_of_at_most_45_characters(settings, socket, peer):
    settings.TRUSTED_PROXIES = []

    assert peer_of(a_request(REMOTE_ADDR=socket)) == peer


@pytest.mark.parametrize(
    ("peer", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_limits_count_an_ipv6_site_as_one(peer, key):
    assert peer_key(peer) == key
