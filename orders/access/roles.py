"""What each role may do. Routes, decisions, and the documents that offer them ask here; see docs/access.md.

A storefront sees what is its own, every other role sees everything (`orders.access.ownership`); what a role may do
beyond reading is one of these rights.
"""

from dataclasses import dataclass
from enum import StrEnum

from models.enums import Role


class Right(StrEnum):
    SEE = "see"
    """See what belongs to nobody's service: upstreams, webhooks, incidents, the audit, the evidence."""
    ORDER = "order"
    """Order services, have them changed, prolonged, suspended and closed, read their licence keys."""
    DECIDE = "decide"
    """Retry, correct, cancel what has sent nothing; tasks, modules, owners; link and adopt items; pause upstreams."""
    EXPLAIN = "explain"
    """Close incidents."""
    ACCEPT_PRICE = "accept_price"
    VOUCH = "vouch"
    """Overrule what Resellflow knows: mark as done, cancel after something was sent, vouch that nothing was bought, act
    upon automatic tasks, link items that differ."""
    ADMINISTER = "administer"
    """Try what the installation is set up with: the channels of notifications."""


_HOLDERS: dict[Right, tuple[Role, ...]] = {
    Right.SEE: (Role.VIEWER, Role.OPERATOR, Role.SENIOR, Role.FINANCE, Role.ADMIN),
    Right.ORDER: (Role.STOREFRONT, Role.OPERATOR, Role.SENIOR, Role.ADMIN),
    Right.DECIDE: (Role.OPERATOR, Role.SENIOR, Role.ADMIN),
    Right.EXPLAIN: (Role.OPERATOR, Role.SENIOR, Role.FINANCE, Role.ADMIN),
    Right.ACCEPT_PRICE: (Role.SENIOR, Role.FINANCE, Role.ADMIN),
    Right.VOUCH: (Role.SENIOR, Role.ADMIN),
    Right.ADMINISTER: (Role.ADMIN,),
}


def holders(right: Right) -> tuple[Role, ...]:
    return _HOLDERS[right]


def holders_in_words(right: Right) -> str:
    """`operator, senior or admin`."""
    *others, last = (role.value for role in _HOLDERS[right])
    return f"{', '.join(others)} or {last}" if others else last


def lacks(name: str, role: Role, right: Right, what: str = "this") -> str:
    """Why it is refused; names the roles that may."""
    return f"{name} has the role {role.value}; {what} needs the role {holders_in_words(right)}."


@dataclass(frozen=True)
class Requester:
    """Who would decide. A shop decides only about what it asked for itself."""

    role: Role
    name: str = ""
    asked_for_it: bool = False

    @property
    def is_staff(self) -> bool:
        """Sees everything, whoever's it is."""
        return self.role is not Role.STOREFRONT

    def may(self, right: Right) -> bool:
        return self.role in holders(right)

    @property
    def owner(self) -> str | None:
        """Owner of what is ordered in this way; None: the operators."""
        return None if self.is_staff else self.name


OPERATOR = Requester(Role.ADMIN)
"""Whoever sits at the command line, and Resellflow itself: may do everything."""
