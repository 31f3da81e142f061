"""The adapter for another Resellflow, against the real API of one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import TariffPlan, TariffPlanPrice
from models.enums import Knowledge, ServiceStatus, Stage, UpstreamStatus
from models.money import Money
from models.order import IntakeKey, Operation, Service
from orders.operations.item import status_at_rest
from tests.storefront.api import OPERATOR_TOKEN
from tests.upstreams.farside import MARK, OPENED_UNTIL, FarSide, connection, running_far_side, spec
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    LeftAlone,
    NoSuchItem,
    NotAllowed,
    Rejected,
    SetupFault,
)
from upstreams.gate import Gate
from upstreams.resellflow import ADAPTER, ResellflowLearned, ResellflowUpstream


@pytest.fixture
async def far_side(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[FarSide]:
    async with running_far_side(migrated_sqlite_template, tmp_path) as running:
        yield running


async def test_an_order_is_a_service_there_whose_customer_is_our_mark(far_side: FarSide) -> None:
    accepted = await far_side.upstream.order(spec(), key=f"{MARK}.7")
    async with far_side.api.database.read() as session:
        service = await session.get_one(Service, 1)
        key = (await session.exec(select(IntakeKey))).one()
    assert (accepted.upstream_number, accepted.unpaid) == ("1", None)
    assert (service.customer, service.owner, service.name) == (MARK, "shop", "v1.example.com")
    assert (service.parameters, service.addons, service.period_months) == ({"template": "debian-12"}, {"ram": 4}, 1)
    assert (key.client, key.key) == ("shop", f"{MARK}.7")


async def test_the_same_key_again_is_the_same_service(far_side: FarSide) -> None:
    first = await far_side.upstream.order(spec(), key="k")
    assert await far_side.upstream.order(spec(), key="k") == first
    assert await far_side.services() == 1


async def test_a_key_that_was_used_for_something_else_may_be_an_order_of_ours(far_side: FarSide) -> None:
    await far_side.upstream.order(spec(), key="k")
    with pytest.raises(AlreadyExists, match="used before, with other values"):
        await far_side.upstream.order(spec(addons={"ram": "8"}), key="k")


async def test_an_order_that_was_cancelled_there_is_not_taken_for_accepted(far_side: FarSide) -> None:
    await far_side.upstream.order(spec(), key="k")
    await far_side.stand("1", Stage.CANCELLED, "nothing is in stock")
    with pytest.raises(Rejected, match="accepted with this key before, and cancelled there"):
        await far_side.upstream.order(spec(), key="k")


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"tariff": "VDS-9"}, SetupFault, "plan"),
        pytest.param({"period": 7}, SetupFault, "period_months", marks=pytest.mark.proof),
        pytest.param({"addons": {"disk": "4"}}, Rejected, "addons.disk", marks=pytest.mark.proof),
        ({"parameters": {"template": "beos"}}, Rejected, "parameters.template"),
        pytest.param({"name": "not a name"}, Rejected, "domain", marks=pytest.mark.proof),
    ],
)
async def test_what_their_catalogue_or_ours_does_not_fit_is_a_definite_no(
    far_side: FarSide, changes: dict[str, Any], error: type[Rejected | SetupFault], field: str
) -> None:
    with pytest.raises(error) as refused:
        await far_side.upstream.order(spec(**changes), key="k")
    assert type(refused.value) is error
    assert refused.value.error_object == field
    assert await far_side.services() == 0


async def test_lists_and_forms_show_what_is_there(far_side: FarSide) -> None:
    number = await far_side.open()
    listing = await far_side.upstream.list_items("vds")
    form = await far_side.upstream.read_item("vds", number)
    assert (listing.complete, listing.shows_marks) == (True, Knowledge.YES)
    [row] = listing.items
    for item in (row, form):
        assert (item.number, item.mark, item.status) == (number, MARK, UpstreamStatus.ACTIVE)
        assert (item.tariff, item.name, item.expires_on) == ("VDS-1", "v1.example.com", OPENED_UNTIL)
    assert (form.raw["ram"], form.cause) == ("4", "")
    assert await far_side.upstream.list_items("vhost") == listing.model_copy(update={"items": ()})


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage.WAITING_FOR_FUNDS, "5.00 EUR needed, 1.00 EUR free on account main"),
        pytest.param(Stage.NEEDS_ATTENTION, "ostempl: there is no such template", marks=pytest.mark.proof),
        pytest.param(Stage.OUTCOME_UNKNOWN, "the connection was cut", marks=pytest.mark.proof),
    ],
)
async def test_an_opening_that_waits_there_is_processing_and_says_why(
    far_side: FarSide, stage: Stage, reason: str
) -> None:
    await far_side.upstream.order(spec(), key="k")
    await far_side.stand("1", stage, reason)
    form = await far_side.upstream.read_item("vds", "1")
    assert form.status is UpstreamStatus.PROCESSING
    assert form.status_detail == f"open {stage.value}"
    assert form.cause.startswith(f"their open 1 is in stage {stage.value}: ")


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (ServiceStatus.ORDERED, UpstreamStatus.PROCESSING),
        (ServiceStatus.PROCESSING, UpstreamStatus.PROCESSING),
        (ServiceStatus.ACTIVE, UpstreamStatus.ACTIVE),
        (ServiceStatus.SUSPENDED, UpstreamStatus.SUSPENDED),
        (ServiceStatus.CLOSED, UpstreamStatus.DELETED),
    ],
)
async def test_every_status_of_theirs_has_its_counterpart(
    far_side: FarSide, there: ServiceStatus, here: UpstreamStatus
) -> None:
    number = await far_side.open()
    await far_side.finish(number, status=there)
    assert (await far_side.upstream.read_item("vds", number)).status is here
    assert (await far_side.upstream.list_items("vds")).items[0].status is here


async def test_an_opening_that_was_cancelled_there_is_deleted(far_side: FarSide) -> None:
    await far_side.upstream.order(spec(), key="k")
    await far_side.stand("1", Stage.CANCELLED, "nothing is in stock")
    assert (await far_side.upstream.read_item("vds", "1")).status is UpstreamStatus.DELETED


async def test_what_they_sold_it_for_is_our_cost(far_side: FarSide) -> None:
    number = await far_side.open()
    async with far_side.api.database.write() as session:
        service = await session.get_one(Service, int(number))
        service.cost_amount, service.cost_currency = Decimal("1.23"), "EUR"
    assert (await far_side.upstream.read_item("vds", number)).cost is None, "what they pay is not our cost"
    async with far_side.api.database.write() as session:
        operation = await session.get_one(Operation, 1)
        operation.price = {"source": "quote", "selling": "7.90 EUR"}
    assert (await far_side.upstream.read_item("vds", number)).cost == Money.of("7.90", "EUR")


async def test_each_operation_is_one_there_and_the_same_key_makes_no_second(far_side: FarSide) -> None:
    number = await far_side.open()
    upstream = far_side.upstream
    for _ in range(2):
        await upstream.prolong(number, 1, key="a")
        await upstream.set_parameters("vds", number, {"ram": "8", "domain": "v2.example.com"}, key="b")
        await upstream.suspend("vds", number, key="c")
        await upstream.resume("vds", number, key="d")
        await upstream.delete("vds", number, key="e")
    assert await far_side.operations(number) == ["open", "prolong", "set_parameters", "suspend", "resume", "close"]


async def test_a_manual_step_there_is_said_while_it_is_waited_for(far_side: FarSide) -> None:
    number = await far_side.open()
    await far_side.upstream.prolong(number, 1, key="k")
    await far_side.stand(number, Stage.AWAITING_MANUAL_TASK, "the upstream can't do this by itself")
    form = await far_side.upstream.read_item("vds", number)
    assert (form.status, form.expires_on) == (UpstreamStatus.ACTIVE, OPENED_UNTIL)
    assert form.status_detail == "prolong awaiting_manual_task"
    assert form.cause.startswith("their prolong 2 is in stage awaiting_manual_task: ")
    assert form.at_work
    assert status_at_rest(form) is UpstreamStatus.PROCESSING, "so its absence is not believed while they may do it"
    await far_side.finish(number, expires_on=date(2031, 6, 1))
    form = await far_side.upstream.read_item("vds", number)
    assert (form.cause, form.at_work, form.expires_on) == ("", False, date(2031, 6, 1))


async def test_what_they_have_cancelled_is_said_and_waited_for_no_longer(far_side: FarSide) -> None:
    number = await far_side.open()
    await far_side.upstream.prolong(number, 1, key="k")
    await far_side.stand(number, Stage.CANCELLED, "nobody paid for it")
    form = await far_side.upstream.read_item("vds", number)
    assert (form.status, form.status_detail, form.at_work) == (UpstreamStatus.ACTIVE, "prolong cancelled", False)
    assert form.dead_end
    assert form.cause.startswith("their prolong 2 is in stage cancelled")
    with pytest.raises(Rejected, match="cancelled there since"):
        await far_side.upstream.prolong(number, 1, key="k")


async def test_what_they_do_to_the_item_since_does_not_hide_what_they_have_cancelled(far_side: FarSide) -> None:
    number = await far_side.open()
    await far_side.upstream.prolong(number, 1, key="k")
    await far_side.stand(number, Stage.CANCELLED, "nobody paid for it")
    answer = await far_side.api.operator.post(f"/v1/services/{number}/suspend", headers={"Idempotency-Key": "s"})
    assert answer.status_code == 201, answer.text
    assert not (await far_side.upstream.read_item("vds", number)).dead_end, "they are at work on it"
    await far_side.finish(number, status=ServiceStatus.SUSPENDED)
    form = await far_side.upstream.read_item("vds", number)
    assert (form.dead_end, form.status_detail) == (True, "prolong cancelled")
    await far_side.upstream.resume("vds", number, key="r")
    await far_side.finish(number, status=ServiceStatus.ACTIVE)
    form = await far_side.upstream.read_item("vds", number)
    assert (form.dead_end, form.status_detail) == (False, "")


async def test_an_addon_that_was_taken_away_is_shown_as_none(far_side: FarSide) -> None:
    number = await far_side.open()
    await far_side.upstream.set_parameters("vds", number, {"ram": "0"}, key="k")
    assert (await far_side.upstream.read_item("vds", number)).raw["ram"] == "4"
    await far_side.finish(number, addons={})
    assert (await far_side.upstream.read_item("vds", number)).raw["ram"] == "0"


async def test_what_is_not_there_or_not_ours_is_no_item(far_side: FarSide) -> None:
    number = await far_side.open()
    async with ResellflowUpstream(connection(far_side.api.address, "rival-token")) as rival:
        for upstream, wanted, kind in (
            (far_side.upstream, "4711", "vds"),
            (far_side.upstream, number, "vhost"),
            (far_side.upstream, "../upstreams", "vds"),
            (rival, number, "vds"),
        ):
            with pytest.raises(NoSuchItem):
                await upstream.read_item(kind, wanted)
        with pytest.raises(NoSuchItem):
            await rival.prolong(number, 1, key="k")


async def test_with_the_token_of_another_storefront_nothing_of_ours_is_taken_for_gone(far_side: FarSide) -> None:
    number, address = await far_side.open(), far_side.api.address
    async with ResellflowUpstream(connection(address, storefront="shop")) as ours:
        assert (await ours.read_item("vds", number)).number == number
        with pytest.raises(NoSuchItem):
            await ours.read_item("vds", "4711")
    async with ResellflowUpstream(connection(address, "rival-token", storefront="shop")) as rival:
        with pytest.raises(ConnectionUnhealthy, match="is the token that of shop\\? it is that of rival"):
            await rival.read_item("vds", number)
        async with ResellflowUpstream(connection(address, "rival-token", storefront="rival")) as theirs:
            await theirs.order(spec("rf-rival-1"), key="k")
        for asked in (rival.list_items("vds"), rival.newest_items("vds", 5), rival.check(("vds",))):
            with pytest.raises(ConnectionUnhealthy, match="is the token that of shop\\? it is that of rival"):
                await asked


@pytest.mark.parametrize("settings_name_it", [True, False])
async def test_the_first_storefront_is_kept_and_another_one_buys_nothing(
    far_side: FarSide, settings_name_it: bool
) -> None:
    """`settings_name_it`: the operator has confirmed the other one."""
    address = far_side.api.address
    kept: list[ResellflowLearned] = []

    async def keep_first(learned: ResellflowLearned) -> ResellflowLearned:
        kept.append(learned)
        return kept[0]

    async with ResellflowUpstream(replace(connection(address), keep_first=keep_first)) as ours:
        await ours.list_items("vds")
        await ours.order(spec(), key="k")
        assert kept == [ResellflowLearned(storefront="shop")] == [ours.learned]
    named = "rival" if settings_name_it else None
    for learned in (None, "shop"):  # None: two processes with two tokens at once, and the other one was first
        later = replace(connection(address, "rival-token", learned=learned, storefront=named), keep_first=keep_first)
        async with ResellflowUpstream(later) as rival:
            asks = (rival.order(spec("rf-rival-1"), key="k"), rival.list_items("vds"), rival.check(("vds",)))
            for ask in asks:
                if settings_name_it:
                    await ask
                    continue
                with pytest.raises(ConnectionUnhealthy, match=r"that of shop\? it is that of rival") as no:
                    await ask
                assert "Until now it was that of shop. If the change is meant" in no.value.message
    assert await far_side.services() == (2 if settings_name_it else 1)


async def test_what_is_not_possible_in_the_present_state_is_a_definite_no(far_side: FarSide) -> None:
    number = await far_side.open()
    await far_side.finish(number, status=ServiceStatus.CLOSED)
    with pytest.raises(NotAllowed, match="is closed") as refused:
        await far_side.upstream.suspend("vds", number, key="k")
    assert "is closed" in refused.value.said
    with pytest.raises(Rejected, match="is closed"):
        await far_side.upstream.prolong(number, 1, key="k2")


async def test_a_function_has_one_breaker_however_many_services_it_is_about(far_side: FarSide) -> None:
    numbers = [await far_side.open(mark) for mark in ("m1", "m2", "m3")]
    gate = Gate()
    async with ResellflowUpstream(connection(far_side.api.address), gate=gate) as upstream:
        for number in numbers:
            await upstream.read_item("vds", number)
    assert {key for key in gate.notes() if "/v1/services" in key} == {"read GET /v1/services/N"}


async def test_a_token_that_is_refused_shuts_the_gate(far_side: FarSide) -> None:
    async with ResellflowUpstream(connection(far_side.api.address, "wrong-token")) as upstream:
        with pytest.raises(ConnectionUnhealthy, match="the token is refused") as refused:
            await upstream.list_items("vds")
        assert "wrong-token" not in refused.value.message
        with pytest.raises(LeftAlone):
            await upstream.order(spec(), key="k")


async def test_a_check_says_whether_the_token_is_a_storefronts(far_side: FarSide) -> None:
    assert (await far_side.upstream.check(("vds",))).problems == ()
    async with ResellflowUpstream(connection(far_side.api.address, OPERATOR_TOKEN)) as upstream:
        [problem] = (await upstream.check(("vds",))).problems
    assert "it is that of" in problem
    assert "with the role admin" in problem


@pytest.mark.parametrize(
    ("token", "storefront", "words"),
    [
        ("rival-token", "shop", "is the token that of shop\\? it is that of rival"),
        pytest.param(OPERATOR_TOKEN, "shop", "the token is no storefront's", marks=pytest.mark.proof),
        pytest.param(OPERATOR_TOKEN, None, "the token is no storefront's", marks=pytest.mark.proof),
    ],
)
async def test_with_a_token_that_is_not_ours_nothing_is_sent_that_changes_or_costs(
    far_side: FarSide, token: str, storefront: str | None, words: str
) -> None:
    number = await far_side.open()
    async with ResellflowUpstream(connection(far_side.api.address, token, storefront=storefront)) as upstream:
        for ask in (
            upstream.order(spec("rf-k3x9a-2"), key="k2"),
            upstream.prolong(number, 1, key="k3"),
            upstream.delete("vds", number, key="k4"),
        ):
            with pytest.raises(ConnectionUnhealthy, match=words):
                await ask
    assert await far_side.services() == 1
    assert await far_side.operations(number) == ["open"]


async def test_a_check_with_a_token_that_is_no_storefronts_says_that_orders_are_stopped(far_side: FarSide) -> None:
    assert not (await far_side.upstream.check(("vds",))).stops_orders
    async with ResellflowUpstream(connection(far_side.api.address, OPERATOR_TOKEN)) as upstream:
        assert (await upstream.check(("vds",))).stops_orders


def test_what_is_absent_is_said() -> None:
    absent = [name for name, _ in ADAPTER.capabilities.absent()]
    assert {"balance", "cart", "renewal_switch"} <= set(absent)
    assert "same_key_again" not in absent


async def test_prices_are_those_of_their_catalogue(far_side: FarSide) -> None:
    async with far_side.api.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        plan.addon_prices = {"ram": "1.00 EUR above 2"}
        session.add(plan)
        await session.merge(
            TariffPlanPrice(
                plan_id=plan.id,
                period_months=12,
                amount=Decimal("79.00"),
                currency="EUR",
                renewal_amount=Decimal("70.00"),
                renewal_currency="EUR",
            )
        )
    upstream, number = far_side.upstream, await far_side.open()
    assert (await upstream.quote(spec(period=12, addons={}))).price == Money.of("79.00", "EUR")
    assert (await upstream.quote(spec())).price == Money.of("12.00", "EUR"), "ram above 2"
    other_period = await upstream.quote(spec(period=7))
    assert (other_period.price, other_period.missing) == (None, "it is not sold for this period")
    assert (await upstream.quote_prolong("vds", number, 12)).price == Money.of("94.00", "EUR"), "70 and 12 times 2"
    assert (await upstream.quote_parameters("vds", number, {"ram": "6"})).price == Money.of("2.00", "EUR")
    assert (await upstream.quote_parameters("vds", number, {"domain": "v2.example.com"})).price == Money.of("0", "EUR")
    other_plan = await upstream.quote_plan_change(number, "VDS-2", 1)
    assert (other_plan.price, other_plan.missing) == (None, "it is not sold for this period")
    with pytest.raises(SetupFault):
        await upstream.quote(spec(tariff="VDS-9"))
