"""Finds the owner of an item by number, else by our mark or the name that we made up; and second items."""

from collections.abc import Iterator

from models.enums import UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from orders.events import identity
from orders.events.batch import Batch
from orders.services.naming import canonical, same_mark, same_name
from orders.settlement.second_items import WAITS_FOR_A_PERSON, report_paid, report_second


class Owners:
    """Asks the book, and reports what nobody counts on."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._unowned: list[UpstreamSnapshot] = []
        """Judged in this transaction."""
        self._reported: set[str] = set()

    async def owner(self, snapshot: UpstreamSnapshot) -> Service | None:
        """The service this item is: by number if we know it, else by our mark. Only the number makes it the item's
        owner for good: a second item with the same mark stays an orphan."""
        service = self._batch.by_number.get(snapshot.number)
        if service is not None and identity.is_used_again(service, snapshot):
            await identity.give_up(self._batch.session, service, snapshot)
            service = None
            del self._batch.by_number[snapshot.number]
        if service is not None:
            snapshot.service_id = service.id
            return service
        self._unowned.append(snapshot)
        shown = list(self._shown_by(snapshot))
        for linked in shown:
            if linked.upstream_number is not None and await self._has_moved(snapshot, linked):
                self._batch.by_number[snapshot.number] = linked
                return linked
            if linked.upstream_number is not None:
                await self._report_second(snapshot, linked)
        for ordered in shown:
            if ordered.upstream_number is None and await self._is_certain(snapshot, ordered):
                await self._report_paid(ordered, snapshot)
                return ordered
        return None

    async def _has_moved(self, snapshot: UpstreamSnapshot, service: Service) -> bool:
        """It is the service's item under another number, and is linked anew."""
        if not same_mark(snapshot.mark or "", service.mark) or not await self._is_certain(snapshot, service):
            return False
        return await identity.move(self._batch.session, service, snapshot)

    async def report_others(self, service: Service) -> None:
        """Items with this service's mark, or the name that we made up for it, that were seen before it was linked."""
        if service.mark in self._reported:
            return
        self._reported.add(service.mark)
        found = {one.number: one for one in (*self._batch.lookalikes, *self._unowned)}
        for snapshot in found.values():
            if snapshot.service_id is not None or snapshot.number == service.upstream_number:
                continue
            if same_mark(snapshot.mark or "", service.mark):
                if await self._is_certain(snapshot, service):
                    await self._report(service, snapshot)
            elif service.name_is_ours and not snapshot.mark and same_name(snapshot.name, service.name):
                await self._report(service, snapshot, by="its name")

    def _shown_by(self, snapshot: UpstreamSnapshot) -> Iterator[Service]:
        """Services whose mark the item shows, or whose name where we made that up."""
        found: dict[int, Service] = {}
        if snapshot.mark and (marked := self._batch.by_mark.get(snapshot.mark)) is not None:
            found[marked.id] = marked
        for name in {snapshot.name, canonical(snapshot.name)} - {""}:
            found |= {one.id: one for one in self._batch.by_name.get(name, ())}
        yield from sorted(found.values(), key=lambda one: one.id)

    async def _is_certain(self, snapshot: UpstreamSnapshot, service: Service) -> bool:
        """Whether what it shows of this service, whole mark or name, may not as well be another service's mark, cut
        short: then the item's name must be this service's, and no name of such another's."""
        if not same_mark(snapshot.mark or "", service.mark):
            return True
        others = [
            one for one in await self._batch.marks_beginning_with(snapshot.mark or "") if one.service != service.id
        ]
        return not others or (
            same_name(snapshot.name, service.name) and not any(same_name(snapshot.name, one.name) for one in others)
        )

    async def _report_second(self, snapshot: UpstreamSnapshot, service: Service) -> None:
        """An item with the mark of a service that is another item already: bought twice? People must know.

        Or with its name, where we made that up and no mark of somebody else's is shown.
        """
        if snapshot.mark and same_mark(snapshot.mark, service.mark):
            if await self._is_certain(snapshot, service):
                await self._report(service, snapshot)
        elif not snapshot.mark:
            await self._report(service, snapshot, by="its name")

    async def _report_paid(self, service: Service, snapshot: UpstreamSnapshot) -> None:
        operation = self._batch.last.get(service.id)
        if operation is not None and (operation.stage.is_final or operation.stage in WAITS_FOR_A_PERSON):
            await report_paid(self._batch.session, service, snapshot)

    async def _report(self, service: Service, second: UpstreamSnapshot, by: str = "its mark") -> None:
        """Write down, once for each item, that `second` was ordered for this service, too."""
        if second.gone or second.status == UpstreamStatus.DELETED:
            return
        await report_second(self._batch.session, service, second.number, by=by)
