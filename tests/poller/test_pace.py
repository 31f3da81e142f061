"""Waiting orders do not wait for each other, nor for lists."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.testing import ActivityEnvironment

from activities.poller import schedule
from activities.poller.forms import read_pending
from activities.poller.watch import Watch
from models.catalogue import UpstreamAccount
from models.enums import EventKind, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Operation, StageEntry
from orders import events
from orders.events import PollResult
from settings import Settings
from tests.infrastructure.eventually import assert_eventually
from tests.poller.account import Account, open_account
from upstreams.errors import OutcomeUnknown

SELDOM = 600.0
QUICK = 0.05


def asked(account: Account) -> Counter[str]:
    return Counter(what.split()[0] for what in account.panel.asked)


async def head_was_read(account: Account) -> None:
    await assert_eventually(lambda: "head" in account.panel.asked, timeout=60, message="the head is read")


async def statuses(account: Account) -> dict[str, int]:
    async with account.database.read() as session:
        found = await session.exec(select(UpstreamSnapshot.number, UpstreamSnapshot.status))
        return dict(found.all())


@pytest.mark.proof
@pytest.mark.parametrize("others", [pytest.param(0, marks=pytest.mark.proof), 1200])
async def test_one_head_tells_of_all_openings_whatever_else_the_account_has(url: str, others: int) -> None:
    async with (
        open_account(url, waiting=60, others=others, idle_interval=SELDOM, hot_interval=QUICK) as account,
        account.watched(),
    ):
        await head_was_read(account)
        account.panel.asked.clear()
        account.panel.open(account.numbers)
        await assert_eventually(account.all_heard, timeout=60, interval=0.01, message="every order hears of it")
        found = asked(account)
        assert found["page"] == 0, "no list is read for them"
        assert found["form"] <= 2 * schedule.FORMS_A_ROUND, "not one for each"


async def test_who_begins_to_wait_for_what_is_active_already_hears_of_it_from_the_head(url: str) -> None:
    async with open_account(url, waiting=4, idle_interval=SELDOM, hot_interval=QUICK) as account:
        late = await moved(account, Stage.CHECKING_BALANCE)
        async with account.watched():
            await head_was_read(account)
            account.panel.open([account.numbers[0]])

            async def is_seen() -> bool:
                return (await statuses(account))[account.numbers[0]] == UpstreamStatus.ACTIVE

            await assert_eventually(is_seen, timeout=30, interval=0.01, message="the head shows it")
            await assert_eventually(
                lambda: f"form {account.numbers[0]}" in account.panel.asked, message="so does its form"
            )
            await asyncio.sleep(2 * QUICK)
            assert not account.temporal.heard, "it has not asked for anything yet"
            account.panel.asked.clear()
            assert await moved(account, Stage.AWAITING_CONFIRMATION) == late
            await assert_eventually(lambda: account.temporal.heard, timeout=30, message="it hears that it is there")
            assert asked(account)["page"] == 0, "without a list"


async def moved(account: Account, stage: Stage) -> int:
    """The operation of the first item enters this stage. Returns its number."""
    async with account.database.write() as session:
        found = await session.exec(select(Operation).order_by(col(Operation.id)).limit(1))
        operation = found.one()
        operation.stage = stage
        session.add(operation)
        session.add(StageEntry(operation_id=operation.id, stage=stage))
        return operation.id


async def test_what_the_head_does_not_show_has_its_form_read(url: str) -> None:
    async with open_account(url, waiting=3, idle_interval=SELDOM, hot_interval=QUICK) as account:
        for newer in range(1, 120):
            number = str(910000 + newer)
            account.panel.items[number] = account.panel.items[account.numbers[0]].model_copy(update={"number": number})
        async with account.watched():
            account.panel.page = 1  # so the list would cost more than the forms
            account.panel.open(account.numbers)
            await assert_eventually(account.all_heard, timeout=60, message="every order hears of it")
            await assert_eventually(lambda: "head" in account.panel.asked, timeout=30)


@pytest.mark.proof
async def test_an_upstream_that_does_not_sort_has_forms_read_several_at_once_and_is_asked_for_its_head_seldom(
    url: str,
) -> None:
    async with open_account(
        url, waiting=12, others=20, idle_interval=SELDOM, hot_interval=QUICK, seconds=0.01
    ) as account:
        account.panel.sorts, account.panel.page = False, 1
        async with account.watched():
            account.panel.most_at_once = 0
            account.panel.open(account.numbers)
            await assert_eventually(account.all_heard, timeout=60, message="every order hears of it")
            assert 1 < account.panel.most_at_once <= 5
            assert asked(account)["head"] == 1


async def test_an_order_hears_of_its_opening_while_other_forms_are_still_read(url: str) -> None:
    async with open_account(url, waiting=8, others=20, idle_interval=SELDOM, hot_interval=QUICK) as account:
        account.panel.sorts, account.panel.page = False, 1
        async with account.watched():
            held = account.numbers[0]

            def between_two_rounds() -> bool:
                """Within a round some have been read already, and wait for its end with it."""
                read = {account.panel.asked.count(f"form {number}") for number in account.numbers}
                if account.panel.fan_out or len(read) > 1:
                    return False
                account.panel.held[held] = asyncio.Event()
                account.panel.open(account.numbers)
                return True

            await assert_eventually(between_two_rounds, timeout=60)

            async def the_others_heard() -> bool:
                return len(account.temporal.heard) == len(account.numbers) - 1

            await assert_eventually(the_others_heard, timeout=60, message="the others hear of theirs")
            account.panel.held[held].set()
            await assert_eventually(account.all_heard, timeout=60, message="and then the last")


async def test_orders_hear_of_their_openings_while_a_long_list_is_read_whose_older_rows_change_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LIST_SHARE", 0)
    async with open_account(url, waiting=5, idle_interval=QUICK, hot_interval=QUICK) as account:
        async with account.watched():
            account.panel.may_list.clear()
            await assert_eventually(lambda: account.panel.lists_held == 1, timeout=60)
            pages = account.panel.asked.count("page of vds")
            account.panel.open(account.numbers)  # the list that is being read shows them as they were
            await assert_eventually(account.all_heard, timeout=60, message="every order hears of it")
            account.panel.may_list.set()
            await assert_eventually(lambda: account.panel.asked.count("page of vds") > pages + 3, timeout=60)
        active = int(UpstreamStatus.ACTIVE)
        assert set((await statuses(account)).values()) == {active}
        async with account.database.read() as session:
            told = (await session.exec(select(UpstreamEvent).where(UpstreamEvent.kind != EventKind.FIRST_LOOK))).all()
        events = list(told)
        assert all(event.status in (active, int(UpstreamStatus.PROCESSING)) for event in events)
        per_item = Counter((event.upstream_number, event.kind) for event in events)
        assert set(per_item.values()) == {1}, "nothing happened twice"


async def test_a_run_that_is_ended_in_the_middle_of_a_list_leaves_nothing_behind(url: str) -> None:
    async with open_account(url, waiting=1, idle_interval=QUICK, hot_interval=QUICK) as account:
        before = asyncio.all_tasks()
        async with account.watched():
            account.panel.may_list.clear()
            await assert_eventually(lambda: account.panel.lists_held == 1, timeout=60)
        assert asyncio.all_tasks() <= before


@pytest.mark.proof
async def test_a_silent_account_is_asked_for_one_form_at_a_time_until_it_answers(url: str) -> None:
    async with open_account(
        url, waiting=12, others=20, idle_interval=SELDOM, hot_interval=QUICK, seconds=0.01
    ) as account:
        account.panel.sorts, account.panel.page = False, 1
        async with account.watched():
            account.panel.errors = {number: OutcomeUnknown("no answer") for number in account.numbers}
            account.panel.asked.clear()
            await assert_eventually(lambda: asked(account)["form"] > 20, timeout=60)
            account.panel.most_at_once = 0
            await assert_eventually(lambda: asked(account)["form"] > 30, timeout=60)
            assert account.panel.most_at_once == 1
            account.panel.errors = {}
            account.panel.open(account.numbers)
            await assert_eventually(account.all_heard, timeout=60, message="it answers again")


async def test_what_was_signalled_is_noted_in_one_statement_however_many_orders_there_are(url: str) -> None:
    async def all_noted() -> bool:
        async with account.database.read() as session:
            told = await session.exec(select(UpstreamEvent).where(col(UpstreamEvent.operation_id).is_not(None)))
            return [one.delivered_at is None for one in told.all()] == [False] * 60

    async with (
        open_account(url, waiting=60, idle_interval=SELDOM, hot_interval=QUICK) as account,
        account.watched(),
    ):
        await head_was_read(account)
        account.panel.open(account.numbers)
        await assert_eventually(all_noted, timeout=60, message="all are noted")
        noted = [one for one in account.statements if one.startswith("UPDATE upstream_event")]
        assert len(noted) <= 10, noted


async def test_a_form_that_cannot_be_written_down_spoils_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms that come together are written down together; one of them has what nobody foresaw."""
    async with open_account(url, waiting=0, others=6, idle_interval=SELDOM, hot_interval=QUICK) as account:
        watch = Watch.of(UpstreamAccount(id=1, name="main", kind="billmanager", url="", currency="EUR"), Settings())
        record_forms = events.record_forms

        async def fails_for_the_third(*arguments: Any) -> dict[str, PollResult]:
            if "3" in [form.number for form in arguments[3]]:
                raise ValueError("nobody foresaw it")
            return await record_forms(*arguments)

        monkeypatch.setattr(events, "record_forms", fails_for_the_third)
        items = [("vds", str(number)) for number in range(1, 6)]
        for item in items:
            watch.to_read_soon(*item)
        panel: Any = account.panel
        await ActivityEnvironment().run(read_pending, account.database, watch, panel, items, 5)
        assert list(watch.to_read) == [("vds", "3")], "it is read again later, the others are done"
        assert sorted(await statuses(account)) == ["1", "2", "4", "5"]
