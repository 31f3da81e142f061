"""Where webhooks may go: no message leaves for an address that it was not meant to reach. Pure: no I/O."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOBODYS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this machine, by another name
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "192.0.0.0/24",  # protocols' own; Oracle's metadata service
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "168.63.129.16/32",  # Azure's own services
        "100.100.100.200/32",  # Alibaba's metadata service
        "100.100.2.136/31",  # Alibaba's name servers
        "fd00:ec2::/32",  # Amazon's metadata service and what else it has there
        "fd20:ce::254/128",  # Google's
        "fd00:c1::a9fe:a9fe/128",  # Oracle's
        "fd00:42::42/128",  # Scaleway's
    )
)
"""Nobody who may get a message lives here, whatever is allowed."""
_UNICAST = ipaddress.ip_network("2000::/3")
"""All that is public in IPv6; what lies outside is private or nobody's."""
_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")
_TUNNELS = tuple(ipaddress.ip_network(network) for network in ("2001::/32", "2002::/16", "3ffe::/16"))
"""Teredo, 6to4 and the old 6bone: relays lead to IPv4 addresses that are written inside, private ones too."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""What a network without IPv4 makes of an IPv4 address; that one stands in the last four bytes."""
_METADATA_HOSTS = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    }
)
"""Told when an endpoint is added; the address that such a name has is judged when something is sent."""


@dataclass(frozen=True)
class Reach:
    """Which endpoints may be on private and loopback addresses, and be spoken to in plain http there."""

    endpoints: bool
    """Endpoints with an address that an operator chose."""
    storefronts: bool
    """Endpoints with an address that a storefront chose by the API, too."""

    def private(self, *, by_shop: bool) -> bool:
        return self.endpoints and (self.storefronts or not by_shop)


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
        raise ValueError("has a user name, a password or a '#'; the signature identifies the sender")
    if parts.scheme == "http" and not private:
        raise ValueError("is plain http: anybody on the way could read it. Use https, or see RESELL_WEBHOOK_PRIVATE")
    if host.rstrip(".").lower() in _METADATA_HOSTS:
        raise ValueError(f"{host} is no host of a receiver: machines in a cloud ask there for their own secrets")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, parts.scheme, private=private)
    return text


def check_address(address: Address, scheme: str, *, private: bool) -> None:
    """Raises ValueError if nothing may be sent to this address in this way. To be asked of the very address that is
    connected to: what a name means may change between two questions."""
    address = _meant(address)
    if _is_nobodys(address):
        raise ValueError(f"{address} is no address of a receiver")
    if address.is_global:
        if scheme == "http":
            raise ValueError(f"{address} is public, and plain http can be read on the way; use https")
    elif not private:
        raise ValueError(f"{address} is private; RESELL_WEBHOOK_PRIVATE allows that")


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one is another way to write."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(address.packed[-4:])
    return address


def _is_nobodys(address: Address) -> bool:
    if any(address in network for network in _NOBODYS if network.version == address.version):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return False
    if address in _UNICAST:
        return any(address in network for network in _TUNNELS)
    return not (address.is_loopback or address in _UNIQUE_LOCAL)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
