"""The address of the caller. Behind a proxy X-Forwarded-For has it, but only a proxy that the settings trust
is believed: anybody can send that header."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

Networks = Sequence[IPv4Network | IPv6Network]

UNKNOWN = "unknown"
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?")


def client_address(scope: Scope, trusted: Networks) -> str:
    """The address nearest to us that is no trusted proxy's, in its usual spelling."""
    peer = _address((scope.get("client") or ("",))[0])
    forwarded = ",".join(Headers(scope=scope).getlist("X-Forwarded-For")).split(",")
    for hop in reversed(forwarded):
        known = _address(hop)
        if known is None or peer is None or not _is_of(peer, trusted):
            break
        peer = known
    return peer or UNKNOWN


def network_of(address: str) -> str:
    """The network that a brake holds: an IPv4 address, or the /64 of an IPv6 address, which one customer has whole."""
    if address == UNKNOWN or ":" not in address:
        return address
    return str(IPv6Network((IPv6Address(address).packed, 64), strict=False))


def _address(text: str) -> str | None:
    """In its usual spelling; some proxies write a port behind it."""
    bare = _WITH_PORT.fullmatch(text.strip())
    try:
        found = ip_address(bare[1] or bare[2] if bare else text.strip())
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(found.packed))  # without a zone
    return str(found)


def _is_of(address: str, networks: Networks) -> bool:
    return any(ip_address(address) in network for network in networks)
