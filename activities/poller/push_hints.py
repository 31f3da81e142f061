"""Push hints: items that the upstream reports as changed are read at once."""

from activities.poller import schedule
from activities.poller.forms import read_pending
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import PendingForm, Watch
from models.database import Database
from models.events import UpstreamHint
from orders.events import hints
from upstreams.port import Upstream


async def look_for_hints(database: Database, watch: Watch) -> None:
    if watch.takes_hints and watch.schedule.claim(PeriodicJob.HINTS, schedule.HINTS_SECONDS):
        async with database.read() as session:
            watch.hints = list(await hints.unread(session, watch.account_id, schedule.HINT_BATCH))


async def follow_hints(database: Database, watch: Watch, upstream: Upstream, width: int) -> None:
    """Read what is said to have changed. Before lists are begun, as a list asked for now shows at least as much."""
    async with database.read() as session:
        known = await hints.known_types(session, watch.account_id, {hint.upstream_number for hint in watch.hints})
    for operation in watch.awaited:
        known.setdefault(operation.upstream_number, set()).add(operation.product_type)
    outcomes: dict[str, list[UpstreamHint]] = {}
    named: dict[str, dict[str, None]] = {}
    for hint in watch.hints:
        types = known.get(hint.upstream_number, set())
        types = types & {hint.product_type} if hint.product_type else types
        for product_type in types:
            named.setdefault(product_type, {})[hint.upstream_number] = None
        if not types:
            for product_type in {hint.product_type} & set(watch.product_types) or watch.product_types:
                watch.schedule.list_soon(product_type, schedule.UNKNOWN_HINTS_SECONDS)
        outcomes.setdefault("read" if types else "not known: listed", []).append(hint)
    forms: list[tuple[str, str]] = []
    for product_type, numbers in named.items():
        if len(numbers) > max(schedule.FORMS_FOR_HINTS, watch.pages.get(product_type, 1)):
            watch.schedule.list_soon(product_type)
            continue
        forms += [(product_type, number) for number in numbers]
    watch.to_read |= {item: PendingForm(attempts=2) for item in forms}
    await read_pending(database, watch, upstream, forms, width)
    await hints.note_read(database, outcomes)
    watch.hints = []
