"""One call to the upstream: what is asked, and what its failure messages may say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from upstreams import httpcalls
from upstreams.billmanager.wire import Document

ENGINE_FIELDS = frozenset(
    {"auth", "authinfo", "su", "func", "out", "lang", "sok", "clicked_button", "skipbasket", "elid", "plid", "sfrom"}
    | {"snext", "sback", "sv_field", "progressid"}
)
"""Fields that steer a call. Nothing from the catalogue or from a customer may set them."""


class Refusals(Enum):
    """What the upstream can mean by a definite no, by what is sent."""

    OF_THE_ACCOUNT = "account"
    """The table of errors decides: a missing right is trouble with the account."""
    OF_AN_OPERATION = "operation"
    """A function for one item, or one we can do without: a missing right or a confirmation wanted is about it alone."""
    OF_A_STATE = "state"
    """An operation that sends only the item's number: a no can only be about what may be done to the item."""


@dataclass(frozen=True)
class Call(httpcalls.Call):
    """A function of the panel about to be called."""

    product_type: str = ""
    currency: str = ""
    """The account's currency, assumed where the upstream names none."""
    refusals: Refusals = Refusals.OF_THE_ACCOUNT
    parse: Callable[[bytes], Document] = field(default=Document.parse, repr=False, compare=False)
    """How the answer's body is read. Raises NotADocument."""
