"""Linking and adopting items, with what that asks of the upstream: the item is read, and our mark is put on it.

No Temporal activity: a person waits for the answer. The mark is free and may be set again; that it can't be set does
not undo the link.
"""

from contextlib import suppress

from models.database import Database
from models.enums import Source
from models.invariants import required
from orders import audit
from orders.accounts.pausing import unrecorded_change
from orders.errors import Refused
from orders.linking.adopt import adopt, adopted_before
from orders.linking.item import ReadItem, is_known, what_else
from orders.linking.link import link
from orders.linking.requests import AdoptRequest, LinkRequest, Outcome
from orders.linking.target import Target, target_of_plan, target_of_service
from orders.services.history import SUBJECT
from upstreams.connections import Connections
from upstreams.errors import NoSuchItem, OutcomeUnknown, UpstreamError
from upstreams.port import Upstream

MARK_SET, MARK_NOT_SET = "mark_set", "mark_not_set"


class Linker:
    """Everything raises NotFound, InvalidField, Refused, or an UpstreamError if the item can't be read."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def link(self, service: int, request: LinkRequest, *, actor: str) -> Outcome:
        request.checked()
        async with self._database.read() as session:
            target = await target_of_service(session, service, request.upstream)
        upstream = await self._connections.to(target.account)
        seen = await self._read(upstream, target, request.upstream_number)
        outcome = await link(self._database, target, service, request, seen, actor)
        return await self._mark(target, upstream, outcome, seen.form.mark, actor)

    async def adopt(
        self, number: str, request: AdoptRequest, *, upstream: str | None, actor: str, client: str, key: str
    ) -> Outcome:
        """`client` and `key`: the same ones with the same request give the same service."""
        request.checked()
        async with self._database.read() as session:
            target = await target_of_plan(session, request.plan, upstream)
            earlier = await adopted_before(session, client, key, target.account.name, number, request)
        connection = await self._connections.to(target.account)
        if earlier is not None:
            return await self._mark_again(target, connection, earlier, actor)
        seen = await self._read(connection, target, number)
        outcome = await adopt(self._database, target, request, seen, actor=actor, client=client, key=key)
        return await self._mark(target, connection, outcome, seen.form.mark, actor)

    async def _read(self, upstream: Upstream, target: Target, number: str) -> ReadItem:
        try:
            form = await upstream.read_item(target.product_type, number)
        except NoSuchItem:
            async with self._database.read() as session:
                raise Refused(await what_else(session, target, number)) from None
        async with self._database.read() as session:
            if await is_known(session, target, number):
                return ReadItem(form)
        listing = await upstream.list_items(target.product_type)
        return ReadItem(form, next((row for row in listing.items if row.number == number), None))

    async def _mark(
        self, target: Target, upstream: Upstream, outcome: Outcome, shown: str | None, actor: str
    ) -> Outcome:
        if not outcome.done or shown == outcome.mark:
            return outcome.model_copy(update={"mark_set": outcome.done})
        problem = await self._set_mark(target, upstream, outcome)
        await _note_mark(self._database, outcome, actor, problem)
        return outcome.model_copy(update={"mark_set": not problem, "mark_problem": problem})

    async def _mark_again(self, target: Target, upstream: Upstream, outcome: Outcome, actor: str) -> Outcome:
        try:
            item = await upstream.read_item(outcome.product_type, outcome.upstream_number)
        except UpstreamError as error:
            return outcome.model_copy(update={"mark_problem": error.message})
        return await self._mark(target, upstream, outcome, item.mark, actor)

    async def _set_mark(self, target: Target, upstream: Upstream, outcome: Outcome) -> str:
        """Why the upstream does not show our mark on the item; empty if it does."""
        try:
            async with unrecorded_change(self._database, target.account_id):
                with suppress(OutcomeUnknown):  # reading shows whether it is there
                    await upstream.set_mark(outcome.product_type, outcome.upstream_number, outcome.mark)
            item = await upstream.read_item(outcome.product_type, outcome.upstream_number)
        except UpstreamError as error:
            return error.message
        if item.mark is None:
            return "it was sent, but the upstream does not show marks, so nobody knows whether it is there"
        return "" if item.mark == outcome.mark else f"it was sent, but the item shows {item.mark or 'none'}"


async def _note_mark(database: Database, outcome: Outcome, actor: str, problem: str) -> None:
    """Write down whether the item carries our mark now."""
    service = required(outcome.service, "the service that was linked")
    detail = {"mark": outcome.mark, "item": outcome.upstream_number, "source": Source.PERSON.value}
    async with database.write() as session:
        audit.record(
            session,
            SUBJECT,
            service,
            MARK_NOT_SET if problem else MARK_SET,
            by=actor,
            facts={**detail, "reason": problem or None},
        )
