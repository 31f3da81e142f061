"""What all documents have in common: exact money, numbers that can exist, links to the workflows behind them."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from models.money import Money
from models.numbers import HIGHEST_NUMBER
from orders.errors import NotFound

_CENT = Decimal("0.01")


class Document(BaseModel):
    """One thing as it is shown. Times are aware UTC, written as RFC 3339 with Z."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class WorkflowLinks:
    """Where Temporal UI shows a workflow."""

    temporal_ui_url: str
    namespace: str

    def to(self, workflow_id: str) -> str:
        base = self.temporal_ui_url.rstrip("/")
        return f"{base}/namespaces/{quote(self.namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"


def money(amount: Decimal | None, currency: str | None) -> Money | None:
    """An amount as people write it: two decimals, more only where they matter."""
    if amount is None or currency is None:
        return None
    cents = amount.quantize(_CENT)
    return Money(amount=cents if cents == amount else amount.normalize(), currency=currency)


def existing(what: str, number: int) -> int:
    """The number, if a row could have it. Raises NotFound: no database need be asked for number 0 or 10**30."""
    if not 0 < number <= HIGHEST_NUMBER:
        raise NotFound(what, number)
    return number
