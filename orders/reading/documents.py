"""What all documents have in common: exact money, names of accounts, links to the workflows behind them."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.money import Money

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


async def account_names(session: AsyncSession) -> dict[int, str]:
    """The name of each upstream account, by its number in the database."""
    found = await session.exec(select(UpstreamAccount.id, UpstreamAccount.name))
    return {number: name for number, name in found.all() if number is not None}
