"""Where webhooks may go: no message leaves for an address that it was not meant to reach. Pure: no I/O."""

import ipaddress
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(text: str, *, private: bool) -> str:
    """The address of an endpoint, if it may be one. Raises ValueError saying what is wrong.

    `private`: endpoints may be on private and loopback addresses, and be spoken to in plain http there.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not an address: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("is not an address like https://shop.example.com/hooks")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("has a user name, a password or a '#'; the signature is what tells who sends")
    if parts.scheme == "http" and not private:
        raise ValueError("is plain http: anybody on the way could read it. Use https, or see RESELL_WEBHOOK_PRIVATE")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, parts.scheme, private=private)
    return text


def check_address(address: Address, scheme: str, *, private: bool) -> None:
    """Raises ValueError if nothing may be sent to this address in this way."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    reserved = address.is_reserved and not address.is_loopback  # ::1 counts as both
    if address.is_link_local or address.is_multicast or address.is_unspecified or reserved:
        raise ValueError(f"{address} is no address of a receiver")
    if address.is_global:
        if scheme == "http":
            raise ValueError(f"{address} is public, and plain http can be read on the way; use https")
    elif not private:
        raise ValueError(f"{address} is private; RESELL_WEBHOOK_PRIVATE allows that")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
