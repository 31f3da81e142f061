"""Forms: of what is waited for, and of items of which something else says that they have changed."""

import time
from collections.abc import Iterable
from functools import partial

from activities.poller import schedule
from activities.poller.pieces import at_once, piece
from activities.poller.watch import Answer, Form, Watch
from models.database import Database
from models.outages import outage_of
from orders import events
from orders.events import Digest, Hot
from upstreams.errors import NoSuchItem, Rejected, SetupFault
from upstreams.port import Upstream


async def read(database: Database, watch: Watch, upstream: Upstream, product_type: str, number: str) -> Digest:
    """Read a form and write down what it tells; anew where something else of the item was written down meanwhile."""
    for hot in watch.hot:
        if hot.upstream_number == number and hot.product_type == product_type:
            watch.due.looked_at(hot)
    digest: Digest | None = None
    while digest is None:
        digest = await _look(database, watch, upstream, product_type, number)
    watch.count(digest)
    if digest.list_again:
        watch.due.list_now(product_type)
    return digest


async def _look(database: Database, watch: Watch, upstream: Upstream, product_type: str, number: str) -> Digest | None:
    """None: overtaken by another look."""
    async with watch.looks.asking() as asked:
        try:
            form = await upstream.read_item(product_type, number)
        except NoSuchItem:
            return await _absent(database, watch, product_type, number, asked)
        answer = Answer(asked, form)
        waiting = watch.answers.setdefault(product_type, [])
        waiting.append(answer)
        async with watch.looks.writing():
            if answer in waiting:  # whoever comes first writes down what has come for all
                together = list(waiting)
                waiting.clear()
                await _write_down(database, watch, product_type, together)
        if answer.failure is not None:
            raise answer.failure
        return answer.digest


async def _absent(database: Database, watch: Watch, product_type: str, number: str, asked: int) -> Digest | None:
    async with watch.looks.writing():
        if watch.looks.overtaken(asked, product_type, number):
            return None
        digest = await events.take_absence(database, watch.account_id, product_type, number)
        if digest.events:
            watch.looks.wrote(product_type, [number])
        return digest


async def _write_down(database: Database, watch: Watch, product_type: str, answers: list[Answer]) -> None:
    """All of them in one transaction; if that fails, each in one of its own, so that one spoils no other."""
    newest = [one for one in answers if not watch.looks.overtaken(one.asked, product_type, one.form.number)]
    try:
        brought = await events.take_forms(database, watch.account_id, product_type, [one.form for one in newest])
    except Exception as error:  # of whatever kind: who asked for the form raises it, and puts that form off
        if len(newest) > 1 and not outage_of(error):
            for one in newest:
                await _write_down(database, watch, product_type, [one])
            return
        for one in newest:
            one.failure = error
        return
    for one in newest:
        one.digest = brought[one.form.number]
    changed = [number for number, digest in brought.items() if digest.events or digest.form_changed]
    watch.looks.wrote(product_type, changed)


async def read_hot(database: Database, watch: Watch, upstream: Upstream, waiting: Iterable[Hot], width: int) -> None:
    """The forms of what is waited for, several at once."""

    async def one(hot: Hot) -> None:
        reading = read(database, watch, upstream, hot.product_type, hot.upstream_number)
        if not await piece(database, watch, watch.tally, _about(hot.product_type, hot.upstream_number), reading):
            watch.due.put_off(hot)

    await at_once(width, [partial(one, hot) for hot in waiting], lambda: not watch.tally.enough)


async def read_told(
    database: Database, watch: Watch, upstream: Upstream, items: Iterable[tuple[str, str]], width: int
) -> None:
    """Forms that are in `watch.to_read`, several at once. Nobody waits for them, so all are written down together."""
    answers: dict[str, list[Answer]] = {}

    async def one(item: tuple[str, str]) -> None:
        reading = _read_told(database, watch, upstream, *item, asked, answers)
        await piece(database, watch, watch.tally, _about(*item), reading)

    async with watch.looks.asking() as asked:
        await at_once(width, [partial(one, item) for item in items], lambda: not watch.tally.enough)
        for product_type, together in answers.items():
            async with watch.looks.writing():
                await _write_down(database, watch, product_type, together)
            for answer in together:
                about = _about(product_type, answer.form.number)
                await piece(database, watch, watch.tally, about, _finish(watch, product_type, answer))


async def _read_told(
    database: Database,
    watch: Watch,
    upstream: Upstream,
    product_type: str,
    number: str,
    asked: int,
    answers: dict[str, list[Answer]],
) -> None:
    """Read a form that tells something new; it stays to be read until it was, or is refused for good."""
    form = watch.to_read[product_type, number]
    form.due = time.monotonic() + form.rest
    form.rest = min(2 * form.rest, schedule.FORM_AGAIN_AT_MOST_SECONDS)
    try:
        answers.setdefault(product_type, []).append(Answer(asked, await upstream.read_item(product_type, number)))
    except NoSuchItem:
        digest = await _absent(database, watch, product_type, number, asked)
        if digest is not None:
            watch.count(digest)
            watch.to_read.pop((product_type, number), None)
    except (Rejected, SetupFault):
        watch.to_read.pop((product_type, number), None)
        raise


async def _finish(watch: Watch, product_type: str, answer: Answer) -> None:
    """What follows from a form that was written down. Raises what writing it down raised."""
    number, digest = answer.form.number, answer.digest
    form = watch.to_read[product_type, number]
    if answer.failure is not None:
        raise answer.failure
    if digest is None:  # overtaken by another look: to be read again
        form.due = 0.0
        return
    watch.count(digest)
    if digest.list_again:
        watch.due.list_now(product_type)
    watch.refused.discard((product_type, number))
    del watch.to_read[product_type, number]
    if form.looks and digest.form_changed:
        watch.due.list_soon(product_type)  # for most fields the list is what counts
    elif form.looks > 1:
        later = time.monotonic() + schedule.SECOND_LOOK_SECONDS
        watch.to_read[product_type, number] = Form(due=later, looks=form.looks - 1)


def _about(product_type: str, number: str) -> str:
    return f"the form of {product_type} {number}"
