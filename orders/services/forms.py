"""What the parameters of an order must look like, and the one spelling in which they are kept and sent.

Each check returns that spelling, and raises ValueError saying what would be right.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable

from models.catalogue import PlanMapping
from models.product_types import Form, ProductType
from orders.errors import InvalidField
from orders.services.naming import check_domain
from orders.text import check_text

_CSR = re.compile(
    r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----\s[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----"
)
LONGEST = 300
"""Characters of any value but those that say otherwise: a host name is the longest that somebody means."""
LONGEST_CSR = 10_000
_LONGEST = {Form.CSR: LONGEST_CSR, Form.NUMBER: 18}
_MAILBOX = re.compile(r"(?=.{1,64}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""The part before the @: words of letters, digits and signs, with single dots between them."""
LONGEST_EMAIL = 254


def normal_form(form: Form, text: str) -> str:
    """The value in its one spelling: names in ASCII and small letters, addresses as they are written shortest. Raises
    ValueError."""
    most = _LONGEST.get(form, LONGEST)
    if len(text) > most:
        raise ValueError(f"has {len(text)} characters; at most {most} are possible")
    if form is not Form.CSR:
        check_text(text)
    return _FORMS[form](text)


def _anything(text: str) -> str:
    """Nothing can be said of it here."""
    return text


def _address(text: str) -> str:
    """An address that a server can have, in a private network too. Those of documentation pass: nothing but an example
    has them, and examples are to run as they are printed."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError(f"{text!r} holds a zone (%), which means something on one machine only")
        address = address.ipv4_mapped or address
    if why := _no_server_has(address):
        raise ValueError(f"{text!r} is {why}: no server is reached there")
    return str(address)


_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _no_server_has(address: _Address) -> str:
    """What an address is that no server can have, in words; empty: one can."""
    if any(address in network for network in _DOCUMENTATION):
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local:
            return "a site-local address"
        within = address.sixtofour or (address.teredo[1] if address.teredo else None)
        if within is not None and (why := _no_server_has(within)):
            return f"the IPv6 form of {within}, {why}"
    kinds = {
        "a loopback address": address.is_loopback,
        "the unspecified address, or one of this network": address.is_unspecified or address in _THIS_NETWORK,
        "a multicast address": address.is_multicast,
        "a link-local address": address.is_link_local,
        "a reserved address": address.is_reserved,
    }
    return next((words for words, is_one in kinds.items() if is_one), "")


def _host(text: str) -> str:
    return check_domain(text)


def _email(text: str) -> str:
    """In small letters on both sides: those who take approver addresses compare them with a list of theirs."""
    name, _, host = text.strip().rpartition("@")
    if not _MAILBOX.fullmatch(name):
        raise ValueError(f"{text!r} is not an e-mail address")
    address = f"{name.lower()}@{check_domain(host)}"
    if len(address) > LONGEST_EMAIL:
        raise ValueError(
            f"{text[:40]!r}… is longer than the {LONGEST_EMAIL} characters that an e-mail address may have"
        )
    return address


def _number(text: str) -> str:
    number = text.strip()
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} is not the number of something at the upstream")
    return number


def _csr(text: str) -> str:
    if not _CSR.fullmatch(text.strip()):
        raise ValueError("is not a certificate signing request in PEM (-----BEGIN CERTIFICATE REQUEST-----)")
    return text


_FORMS: dict[Form, Callable[[str], str]] = {
    Form.TEXT: _anything,
    Form.TEMPLATE: _anything,
    Form.ADDRESS: _address,
    Form.HOST: _host,
    Form.EMAIL: _email,
    Form.NUMBER: _number,
    Form.CSR: _csr,
}


def check_parameters(parameters: dict[str, str], product_type: ProductType, mapping: PlanMapping) -> dict[str, str]:
    """The parameters, each value in its one spelling. Raises InvalidField for one that this product type or mapping
    does not know, or a value that is none."""
    found: dict[str, str] = {}
    for parameter, value in parameters.items():
        if parameter not in product_type.parameters:
            raise InvalidField(f"parameters.{parameter}", f"unknown parameter; {_choice(product_type.parameters)}")
        if not value.strip():
            raise InvalidField(f"parameters.{parameter}", "is empty; leave it out instead")
        form = product_type.parameters[parameter].form
        try:
            found[parameter] = normal_form(form, value)
        except ValueError as error:
            raise InvalidField(f"parameters.{parameter}", str(error)) from error
        if form is Form.TEMPLATE and value not in mapping.templates:
            raise InvalidField(f"parameters.{parameter}", f"unknown template {value!r}; {_choice(mapping.templates)}")
    return found


def _choice(known: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(known))}" if known else "this one has none"
