"""Who is at the other end of the connection."""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

IPV6_SITE_PREFIX = 64


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _is_trusted(text: str) -> bool:
    address = _address(text)
    return address is not None and any(
        address in network
        for network in settings.TRUSTED_PROXIES
        if network.version == address.version
    )


def peer_of(request: HttpRequest) -> str:
    """The client's address: the socket's, unless that is a proxy in TRUSTED_PROXIES.

    Then the right-most address of X-Forwarded-For that is not itself a trusted proxy; whatever a
    client wrote further left never counts.
    """
    return peer_behind(
        request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    )


def peer_behind(socket_peer: str, forwarded_for: str) -> str:
    """`peer_of` for what is no Django request."""
    peer = str(_address(socket_peer) or socket_peer)
    if not settings.TRUSTED_PROXIES:
        return peer
    hops = forwarded_for.split(",")
    while _is_trusted(peer) and hops:
        hop = _address(hops.pop())
        if hop is None:
            break
        peer = str(hop)
    return peer


def peer_key(peer: str) -> str:
    """`peer` as limits count it: an IPv4 address, or the /64 an IPv6 address belongs to."""
    address = _address(peer)
    if address is None or address.version == 4:
        return str(address or peer)
    network = ipaddress.ip_network((address, IPV6_SITE_PREFIX), strict=False)
    return str(network.network_address)
