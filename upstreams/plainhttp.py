"""Upstreams whose address is plain http: password and orders travel readable, and anybody on the way may change them.

To this machine itself (loopback) that is fine. Anything else needs its host in a setting.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

SETTING = "RESELL_PLAIN_HTTP_UPSTREAMS"


def readable_on_the_way(url: str, allowed: Collection[str]) -> str:
    """What is wrong with the address, in words; empty: nothing. `allowed`: host names, in small letters."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "http" or host in allowed or _is_here(host):
        return ""
    return (
        f"its address is plain http, so the password and every order can be read and changed on the way to {host}. "
        f"Use https; or, if nobody else is on that way, set {SETTING}={host} for every process"
    )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
