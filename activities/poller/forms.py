"""Forms: of what is waited for, and of items of which something else says that they have changed."""

import time
from collections.abc import Iterable
from functools import partial

from activities.poller import schedule
from activities.poller.isolation import fan_out, isolated
from activities.poller.sweeps import note_swept
from activities.poller.watch import FormRead, PendingForm, Watch
from models.database import Database
from models.outages import outage_of
from orders import events
from orders.events import PollResult, WaitingOperation
from upstreams.errors import NoSuchItem, Rejected, SetupFault
from upstreams.port import Upstream


async def read(database: Database, watch: Watch, upstream: Upstream, product_type: str, number: str) -> PollResult:
    """Read a form and write down what it shows; anew where something else of the item was written down meanwhile."""
    for operation in watch.awaited_of(product_type, number):
        watch.schedule.looked_at(operation)
    result: PollResult | None = None
    while result is None:
        result = await _read_once(database, watch, upstream, product_type, number)
    watch.count(result)
    if result.list_again:
        watch.schedule.list_now(product_type, awaited=bool(watch.awaited_of(product_type, number)))
    return result


async def _read_once(
    database: Database, watch: Watch, upstream: Upstream, product_type: str, number: str
) -> PollResult | None:
    """None: overtaken by another look."""
    async with watch.freshness.reading() as asked:
        try:
            form = await upstream.read_item(product_type, number)
        except NoSuchItem:
            return await _record_absence(database, watch, product_type, number, asked)
        answer = FormRead(asked, form)
        waiting = watch.answers.setdefault(product_type, [])
        waiting.append(answer)
        async with watch.freshness.recording():
            if answer in waiting:  # whoever comes first writes down what has come for all
                together = list(waiting)
                waiting.clear()
                await _record_forms(database, watch, product_type, together)
        if answer.failure is not None:
            raise answer.failure
        return answer.result


async def _record_absence(
    database: Database, watch: Watch, product_type: str, number: str, asked: int
) -> PollResult | None:
    async with watch.freshness.recording():
        if watch.freshness.is_stale(asked, product_type, number):
            return None
        result = await events.record_absence(database, watch.account_id, product_type, number)
        if result.events:
            watch.freshness.recorded(product_type, [number])
        return result


async def _record_forms(database: Database, watch: Watch, product_type: str, answers: list[FormRead]) -> None:
    """All of them in one transaction; if that fails, each in one of its own, so that one spoils no other."""
    newest = [one for one in answers if not watch.freshness.is_stale(one.asked, product_type, one.form.number)]
    try:
        brought = await events.record_forms(database, watch.account_id, product_type, [one.form for one in newest])
    except Exception as error:  # of whatever kind: who asked for the form raises it, and puts that form off
        if len(newest) > 1 and not outage_of(error):
            for one in newest:
                await _record_forms(database, watch, product_type, [one])
            return
        for one in newest:
            one.failure = error
        return
    for one in newest:
        one.result = brought[one.form.number]
    changed = [number for number, result in brought.items() if result.events or result.form_changed]
    watch.freshness.recorded(product_type, changed)


async def read_awaited(
    database: Database, watch: Watch, upstream: Upstream, waiting: Iterable[WaitingOperation], width: int
) -> None:
    """The forms of what is waited for, several at once."""

    async def one(operation: WaitingOperation) -> None:
        reading = read(database, watch, upstream, operation.product_type, operation.upstream_number)
        if not await isolated(
            database, watch, watch.tally, _about(operation.product_type, operation.upstream_number), reading
        ):
            watch.schedule.back_off(operation)

    await fan_out(width, [partial(one, operation) for operation in waiting], lambda: not watch.tally.too_many_failures)


async def read_pending(
    database: Database, watch: Watch, upstream: Upstream, items: Iterable[tuple[str, str]], width: int
) -> None:
    """Forms that are in `watch.to_read`, several at once. Nobody waits for them, so all are written down together."""
    answers: dict[str, list[FormRead]] = {}

    async def one(item: tuple[str, str]) -> None:
        reading = _read_pending(database, watch, upstream, *item, asked, answers)
        await isolated(database, watch, watch.tally, _about(*item), reading)

    async with watch.freshness.reading() as asked:
        await fan_out(width, [partial(one, item) for item in items], lambda: not watch.tally.too_many_failures)
        for product_type, together in answers.items():
            async with watch.freshness.recording():
                await _record_forms(database, watch, product_type, together)
            for answer in together:
                about = _about(product_type, answer.form.number)
                following = _follow_up(database, watch, product_type, answer)
                await isolated(database, watch, watch.tally, about, following)


async def _read_pending(
    database: Database,
    watch: Watch,
    upstream: Upstream,
    product_type: str,
    number: str,
    asked: int,
    answers: dict[str, list[FormRead]],
) -> None:
    """Read a form that shows something new; it stays to be read until it was, or is refused for good."""
    form = watch.to_read[product_type, number]
    form.due = time.monotonic() + form.rest
    form.rest = min(2 * form.rest, schedule.FORM_AGAIN_AT_MOST_SECONDS)
    try:
        answers.setdefault(product_type, []).append(FormRead(asked, await upstream.read_item(product_type, number)))
    except NoSuchItem:
        result = await _record_absence(database, watch, product_type, number, asked)
        if result is not None:
            watch.count(result)
            await note_swept(database, watch, product_type, number, form, result)
            watch.to_read.pop((product_type, number), None)
    except (Rejected, SetupFault):
        watch.to_read.pop((product_type, number), None)
        raise


async def _follow_up(database: Database, watch: Watch, product_type: str, answer: FormRead) -> None:
    """What follows from a form that was written down. Raises what writing it down raised."""
    number, result = answer.form.number, answer.result
    form = watch.to_read[product_type, number]
    if answer.failure is not None:
        raise answer.failure
    if result is None:  # overtaken by another look: to be read again
        form.due = 0.0
        return
    watch.count(result)
    await note_swept(database, watch, product_type, number, form, result)
    if result.list_again:
        watch.schedule.list_now(product_type, awaited=bool(watch.awaited_of(product_type, number)))
    watch.refused.discard((product_type, number))
    del watch.to_read[product_type, number]
    if form.attempts and result.form_changed:
        watch.schedule.list_soon(product_type)  # for most fields the list is what counts
    elif form.attempts > 1:
        later = time.monotonic() + schedule.SECOND_LOOK_SECONDS
        watch.to_read[product_type, number] = PendingForm(due=later, attempts=form.attempts - 1)


def _about(product_type: str, number: str) -> str:
    return f"the form of {product_type} {number}"
