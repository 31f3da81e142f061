"""A service and an item of an upstream as rows of one table, so that people see what fits and what does not."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from console.texts import _
from models.money import Money
from orders.views import ItemView, ServiceView


@dataclass(frozen=True)
class Row:
    """`what`: a text that is translated. `fits` and `differs` name columns whose value is, or is not, the service's."""

    what: str
    label: str
    address: str
    """The address of its page in the console."""
    mark: str
    name: str
    plan: str
    state: str
    expires_on: date | None
    cost: Money | None
    at: datetime
    fits: frozenset[str] = frozenset()
    differs: frozenset[str] = frozenset()
    key: int = 0
    item: str = ""
    """Its number at the upstream."""
    is_since: bool = False
    """It was first seen after the request that is compared with it."""


def of_service(service: ServiceView) -> Row:
    return Row(
        what=_("service"),
        label=str(service.number),
        address=f"services/{service.number}",
        mark=service.mark,
        name=service.name,
        plan=service.plan,
        state=service.status.value,
        expires_on=service.expires_on,
        cost=service.cost,
        at=service.created_at,
        item=(service.upstream.number or "") if service.upstream else "",
    )


def of_item(item: ItemView, key: int) -> Row:
    return Row(
        what=_("item"),
        label=f"{item.product_type} {item.number}",
        address=f"items/{key}",
        mark=item.mark or "",
        name=item.name,
        plan=item.tariff,
        state=item.status,
        expires_on=item.expires_on,
        cost=item.cost,
        at=item.first_seen_at,
        key=key,
        item=item.number,
    )


def compared(row: Row, beside: Row, *, is_since: bool = False, **same: bool) -> Row:
    """The same row with what fits the one that it stands beside: column -> whether it does. What is empty in either
    neither fits nor differs."""
    shown = {name: fits for name, fits in same.items() if getattr(row, name) and getattr(beside, name)}
    fits = frozenset(name for name, is_same in shown.items() if is_same)
    return replace(row, fits=fits, differs=frozenset(shown) - fits, is_since=is_since)
