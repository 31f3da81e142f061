"""What the parameters of an order must look like. Each check raises ValueError saying what would be right."""

import ipaddress
import re
from collections.abc import Callable

from models.product_types import Form
from orders.naming import check_domain
from orders.text import check_text

_CSR = re.compile(
    r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----\s[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----"
)
LONGEST_CSR = 10_000


def check_form(form: Form, text: str) -> None:
    """Raises ValueError."""
    if form is not Form.CSR:
        check_text(text)
    _CHECKS[form](text)


def _anything(text: str) -> None:
    """Nothing can be said of it here."""


def _address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None


def _host(text: str) -> None:
    check_domain(text)


def _email(text: str) -> None:
    name, _, host = text.rpartition("@")
    if not name or any(character.isspace() for character in text):
        raise ValueError(f"{text!r} is not an e-mail address")
    check_domain(host)


def _number(text: str) -> None:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not the number of something at the upstream")


def _csr(text: str) -> None:
    if len(text) > LONGEST_CSR or not _CSR.fullmatch(text.strip()):
        raise ValueError("is not a certificate signing request in PEM (-----BEGIN CERTIFICATE REQUEST-----)")


_CHECKS: dict[Form, Callable[[str], None]] = {
    Form.TEXT: _anything,
    Form.TEMPLATE: _anything,
    Form.ADDRESS: _address,
    Form.HOST: _host,
    Form.EMAIL: _email,
    Form.NUMBER: _number,
    Form.CSR: _csr,
}
