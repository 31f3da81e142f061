"""Reading at a person's word: the balance of an account, or one item of it.

It is done where the person asks, by the account's limits and breakers, and what is read is written down as the poller
writes it. Nothing is sent that changes or costs.
"""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.database import Database
from models.events import UpstreamSnapshot
from models.product_types import PRODUCT_TYPES
from orders import events
from orders.errors import InvalidField, NotFound, Refused
from orders.money.balance import BalanceReader, note_balance
from upstreams.connections import Connections
from upstreams.errors import NoSuchItem
from upstreams.kinds import adapter_of
from upstreams.port import UpstreamItem


class ReadingNow:
    """Everything raises NotFound for an unknown upstream, and an UpstreamError where it can't be read."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def balance(self, name: str) -> None:
        """Raises Refused where this kind of upstream shows no balance."""
        account = await self._account(name)
        if not adapter_of(account.kind).capabilities.balance:
            raise Refused(f"upstream {name} shows no balance")
        upstream = await self._connections.to(account)
        reading = await BalanceReader(self._database).reading(account, upstream, fresh=True)
        await note_balance(self._database, account.id, reading)

    async def item(self, name: str, number: str, product_type: str | None = None) -> tuple[str, UpstreamItem | None]:
        """Its product type, and what its form shows; None: the upstream has no such item. `product_type`: None where
        the account has one of that number alone, or only one type. Raises InvalidField where that can't be said.

        An item that no list has shown yet is not written down: the poller lists it.
        """
        account = await self._account(name)
        async with self._database.read() as session:
            known = await _types_of(session, account.id, number)
            chosen = product_type or await _only_type(session, account, known)
        if chosen not in PRODUCT_TYPES:
            raise InvalidField("product_type", f"{chosen!r} is none of {', '.join(sorted(PRODUCT_TYPES))}")
        upstream = await self._connections.to(account)
        try:
            form = await upstream.read_item(chosen, number)
        except NoSuchItem:
            if chosen in known:
                await events.record_absence(self._database, account.id, chosen, number)
            return chosen, None
        if chosen in known:
            await events.record_forms(self._database, account.id, chosen, [form])
        return chosen, form

    async def _account(self, name: str) -> UpstreamAccount:
        async with self._database.read() as session:
            found = await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == name))
        account = found.one_or_none()
        if account is None:
            raise NotFound("upstream", name)
        return account


async def _types_of(session: AsyncSession, account_id: int, number: str) -> set[str]:
    found = await session.exec(
        select(UpstreamSnapshot.product_type).where(
            UpstreamSnapshot.account_id == account_id, UpstreamSnapshot.number == number
        )
    )
    return set(found.all())


async def _only_type(session: AsyncSession, account: UpstreamAccount, known: set[str]) -> str:
    """Raises InvalidField."""
    found = await session.exec(
        select(ProcessingModule.product_type).where(ProcessingModule.account_id == account.id).distinct()
    )
    types = known or set(found.all())
    if len(types) != 1:
        raise InvalidField("product_type", f"is needed: one of {', '.join(sorted(types)) or 'the product types'}")
    return next(iter(types))
