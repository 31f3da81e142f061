"""One call to the upstream: what is asked, and what its failure messages may say."""

from collections.abc import Callable
from dataclasses import dataclass, field

from upstreams import httpcalls
from upstreams.billmanager.wire import Document

ENGINE_FIELDS = frozenset(
    {"auth", "authinfo", "su", "func", "out", "lang", "sok", "clicked_button", "skipbasket", "elid", "plid", "sfrom"}
    | {"snext", "sback", "sv_field", "progressid"}
)
"""Fields that steer a call. Nothing from the catalogue or from a customer may set them."""


@dataclass(frozen=True)
class Call(httpcalls.Call):
    """A function of the panel about to be called."""

    product_type: str = ""
    currency: str = ""
    """The account's currency, assumed where the upstream names none."""
    refusals: httpcalls.RefusalScope = httpcalls.RefusalScope.OF_THE_ACCOUNT
    parse: Callable[[bytes], Document] = field(default=Document.parse, repr=False, compare=False)
    """How the answer's body is read. Raises NotADocument."""
