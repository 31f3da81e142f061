"""What an activity may not let out, and how people get to read it all the same."""

from datetime import timedelta

import pytest
from sqlmodel import select

from activities.redaction import Redaction
from models.columns import utc_now
from models.database import Database
from models.decision import WholeReason
from models.messages import OrderRef, Submission, SubmitResult
from models.order import Operation, Service
from orders.access import private
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.job import load_job
from orders.retention import prune
from orders.settlement import intents
from tests.orders.test_pending import AGES
from tests.workflows.test_redaction import Activity, given

NAME = "shop.kunde.example"


async def accepted(database: Database, **details: str) -> AcceptedOrder:
    request = ServiceRequest.model_validate({"plan": "VDS-1", "period_months": 1, "customer": "kunde-of-a"} | details)
    return await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")


async def names(database: Database, order: AcceptedOrder) -> set[str]:
    with private.collecting_names() as found:
        await load_job(database, order.operation)
    return found


async def test_the_names_are_those_of_service_and_customer(shelf: Database) -> None:
    assert await names(shelf, await accepted(shelf, domain=NAME)) == {NAME, "kunde-of-a"}


async def test_a_name_that_we_made_up_and_a_customer_who_is_a_number_are_no_names(shelf: Database) -> None:
    assert await names(shelf, await accepted(shelf, customer="123456")) == set()


async def test_the_words_of_a_name_and_its_other_spellings_are_names_too(shelf: Database) -> None:
    customer = "Jane Mustermann-Kunde <jane.doe@kunde.example> +49 170 1234567"
    found = await names(shelf, await accepted(shelf, domain="Bücher.kunde.example", customer=customer))
    assert found == {
        *("bücher.kunde.example", "xn--bcher-kva.kunde.example"),
        *(customer, "Jane", "Mustermann-Kunde", "jane.doe", "kunde.example"),
    }


async def test_a_name_that_was_sent_and_corrected_since_is_still_a_name(shelf: Database) -> None:
    order = await accepted(shelf, domain="new.kunde.example")
    async with shelf.write() as session:
        operation = await session.get_one(Operation, order.operation)
        service = await session.get_one(Service, order.service)
        sent = {"domain": NAME, "period": "1", "ip": "192.0.2.1", "remoteid": service.mark, "x": f"{service.mark}.a.b"}
        await intents.prepare(session, operation, 1, service.mark, sent, {})
    assert await names(shelf, order) == {NAME, "new.kunde.example", "kunde-of-a"}


@pytest.mark.parametrize("said", [f"{NAME} is taken", "a@b.example bounced"])
async def test_what_was_left_out_of_a_reason_is_put_back_for_people(database: Database, said: str) -> None:
    order = await accepted(database, domain=NAME)

    async def work() -> SubmitResult:
        await load_job(database, order.operation)
        return SubmitResult(outcome=Submission.ATTENTION, reason=said)

    ref = OrderRef(service=order.service, operation=order.operation)
    chain = Redaction(database).intercept_activity(Activity(work))
    told = (await chain.execute_activity(given(ref))).reason

    assert "‹" in told
    assert said.split()[0] not in told
    async with database.read() as session:
        assert await private.whole(session, order.operation, f"task 3: {told}") == f"task 3: {said}"
        assert await private.whole(session, order.operation + 1, told) == told
        assert await private.whole(session, order.operation, "nothing left out") == "nothing left out"


async def test_what_is_whole_by_then_goes_by_age(shelf: Database) -> None:
    order = await accepted(shelf)
    async with shelf.write() as session:
        await private.keep_whole(session, order.operation, {"‹name› old": "x old", "‹name› new": "x new"})
        [old] = (await session.exec(select(WholeReason).where(WholeReason.whole == "x old"))).all()
        old.at = utc_now() - timedelta(hours=25)
        session.add(old)

    assert (await prune(shelf, AGES))["reasons"] == 1
