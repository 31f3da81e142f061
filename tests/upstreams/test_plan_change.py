"""Changing the tariff: the quote in two reading steps; one shot, and the wizard only after a definite no."""

from datetime import date

import pytest

from models.enums import UnpaidKind
from models.money import Money
from tests.upstreams.panel import Answerer, Panel, cut_before_answer, doc, html, http, refusal
from upstreams.answers import PlanChangeAccepted, PlanChangeQuote, Unpaid
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import NotAllowed, NotEnoughMoney, NotSent, OutcomeUnknown, Rejected, SetupFault, UpstreamError

ONE_SHOT = "service.changepricelist"
SHOW = "service.changepricelist.pricelist"
COMMIT = "service.changepricelist.getmoney"
CHOICES = doc(
    '<elid>4711</elid><slist name="pricelist"><val key="58">VPS-2</val><val key="59">VPS-4</val></slist>'
    '<metadata type="form"/>'
)
SHOWN = (
    "<elid>4711</elid><oldpricelist>VPS-2</oldpricelist><newpricelist>VPS-4</newpricelist><oldprice>5.00 EUR</oldprice>"
    "<newprice>9.00 EUR</newprice><oldexpiredate>2026-01-31</oldexpiredate><newexpiredate>2026-02-10</newexpiredate>"
    '<metadata type="form"/>'
)
UNKNOWN_FUNCTION = refusal("missed", "func")


async def test_a_quote_takes_two_reads(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(CHOICES, doc(f"{SHOWN}<money_info>4.00 EUR</money_info>"))
    assert await upstream.quote_plan_change("4711", "59", 1) == PlanChangeQuote(
        price=Money.of("4.00", "EUR"), new_expires_on=date(2026, 2, 10), tariffs=("58", "59")
    )
    assert panel.functions == [ONE_SHOT, SHOW]
    sent = [dict(request.pairs[4:]) for request in panel.requests]
    assert sent == [{"elid": "4711"}, {"elid": "4711", "pricelist": "59", "period": "1"}]


async def test_a_tariff_that_is_not_offered_is_not_asked_about(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(CHOICES)
    quote = await upstream.quote_plan_change("4711", "60", 1)
    assert quote == PlanChangeQuote(price=None, new_expires_on=None, tariffs=("58", "59"))
    assert panel.functions == [ONE_SHOT]


async def test_a_form_without_choices_does_not_end_the_quote(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<elid>4711</elid>"), doc(SHOWN))
    quote = await upstream.quote_plan_change("4711", "59", 1)
    assert quote == PlanChangeQuote(price=None, new_expires_on=date(2026, 2, 10), tariffs=())


@pytest.mark.parametrize("answer", ["", "<elid>4712</elid>"])
async def test_an_answer_without_tariffs_of_the_item(panel: Panel, upstream: BillmanagerUpstream, answer: str) -> None:
    panel.answers(doc(answer))
    with pytest.raises(OutcomeUnknown):
        await upstream.quote_plan_change("4711", "59", 1)


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ("4.00 EUR", "4.00"),
        ("4.00", "4.00"),
        ("0.00 EUR", "0.00"),
        ("-2.00 EUR", "-2.00"),
        ("&lt;b&gt;4,00 EUR&lt;/b&gt;", "4.00"),
        ("To pay: 4.00 EUR", "4.00"),
        ("4.00 EUR will be charged from your account", "4.00"),
        ("Total: 1\u00a0004.00 EUR", "1004.00"),
        ("2.00 EUR will be returned to your account", "-2.00"),
        ("Refund: 2.00 EUR", "-2.00"),
        ("A credit of 2.00 EUR", None),
        ("To pay: 4.00 EUR of 9.00 EUR", None),
        ("4.00 EUR for something", None),
        ("To pay: 4.00 USD", None),
        ("To pay: 4", None),
        ("Nothing", None),
    ],
)
async def test_what_is_paid_now_is_read_only_if_it_can_be_read_in_one_way(
    panel: Panel, upstream: BillmanagerUpstream, said: str, price: str | None
) -> None:
    panel.answers(CHOICES, doc(f"{SHOWN}<money_info>{said}</money_info>"))
    quote = await upstream.quote_plan_change("4711", "59", 1)
    assert quote.price == (None if price is None else Money.of(price, "EUR"))


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("<ok/>", PlanChangeAccepted()),
        ("", PlanChangeAccepted()),
        ('<ok type="list">func=vds</ok>', PlanChangeAccepted()),
        ("<doc><newexpiredate>2026-02-10</newexpiredate></doc>", PlanChangeAccepted(new_expires_on=date(2026, 2, 10))),
        ("<ok/><billorder>77</billorder>", PlanChangeAccepted(unpaid=Unpaid(kind=UnpaidKind.ORDER, number="77"))),
    ],
)
async def test_a_yes(panel: Panel, upstream: BillmanagerUpstream, answer: str, accepted: PlanChangeAccepted) -> None:
    panel.answers(doc(answer))
    assert await upstream.change_plan("4711", "59", 1) == accepted
    assert panel.functions == [ONE_SHOT]


async def test_the_wizard_is_walked_where_there_is_no_one_shot(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(UNKNOWN_FUNCTION, doc(SHOWN), doc("<ok/>"))
    await upstream.change_plan("4711", "59", 1)
    assert panel.functions == [ONE_SHOT, SHOW, COMMIT]
    fields = [("elid", "4711"), ("pricelist", "59"), ("period", "1")]
    assert panel.requests[1].pairs[4:] == fields
    assert panel.requests[2].pairs[4:] == [*fields, ("clicked_button", "finish"), ("snext", "ok"), ("sok", "ok")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (cut_before_answer, OutcomeUnknown),
        (http("", 504), OutcomeUnknown),
        (html("hello"), OutcomeUnknown),
        (refusal("not_implemented"), OutcomeUnknown),
        (refusal(""), OutcomeUnknown),
        (CHOICES, OutcomeUnknown),
        (doc(f'<ok type="form">func={ONE_SHOT}&amp;elid=4711</ok>'), OutcomeUnknown),
        (refusal("value", "pricelist", value="59"), Rejected),
        (refusal("missed", "pricelist"), Rejected),
        (refusal("unsupported_module"), SetupFault),
        (refusal("not_enough_money"), NotEnoughMoney),
    ],
)
async def test_nothing_is_tried_after_any_other_answer(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, expected: type[UpstreamError]
) -> None:
    panel.answers(answer)
    with pytest.raises(expected):
        await upstream.change_plan("4711", "59", 1)
    assert panel.functions == [ONE_SHOT]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (cut_before_answer, NotSent),
        (http("", 502), NotSent),
        (refusal("xml"), NotSent),
        (refusal("access"), NotAllowed),
        (refusal("value", "pricelist"), Rejected),
        (UNKNOWN_FUNCTION, SetupFault),
    ],
)
async def test_a_wizard_that_fails_before_its_last_step_has_changed_nothing(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, expected: type[UpstreamError]
) -> None:
    panel.answers(UNKNOWN_FUNCTION, answer)
    with pytest.raises(expected) as raised:
        await upstream.change_plan("4711", "59", 1)
    assert type(raised.value) is expected
    assert panel.functions == [ONE_SHOT, SHOW]


def leads_to(step: str) -> Answerer:
    return doc(f'<ok type="form">func={step}&amp;elid=4711</ok>')


CONFIRM = "service.changepricelist.confirm"


@pytest.mark.parametrize(
    ("answers", "functions"),
    [
        ([leads_to(SHOW), doc(SHOWN), doc("<ok/>")], [ONE_SHOT, SHOW, COMMIT]),
        ([leads_to(SHOW), leads_to(COMMIT), doc("<ok/>")], [ONE_SHOT, SHOW, COMMIT]),
        ([leads_to(COMMIT), doc("<ok/>")], [ONE_SHOT, COMMIT]),
        # The form of the second step, with or without its name.
        ([doc(SHOWN), doc("<ok/>")], [ONE_SHOT, COMMIT]),
        ([http(f'<doc func="{SHOW}"><elid>4711</elid></doc>'), doc("<ok/>")], [ONE_SHOT, COMMIT]),
        ([leads_to(CONFIRM), leads_to(SHOW), doc("<ok/>")], [ONE_SHOT, CONFIRM, COMMIT]),
        ([leads_to(COMMIT), leads_to(CONFIRM), doc("<ok/>")], [ONE_SHOT, COMMIT, CONFIRM]),
    ],
)
async def test_a_one_shot_that_only_leads_to_the_wizard_has_done_nothing_so_it_is_walked(
    panel: Panel, upstream: BillmanagerUpstream, answers: list[Answerer], functions: list[str]
) -> None:
    panel.answers(*answers)
    assert await upstream.change_plan("4711", "59", 1) == PlanChangeAccepted()
    assert panel.functions == functions
    assert all("sok" not in request.fields for request in panel.requests if request.function == SHOW)
    last = dict(panel.requests[-1].pairs[4:])
    assert last == {
        "elid": "4711", "pricelist": "59", "period": "1", "clicked_button": "finish", "snext": "ok", "sok": "ok"
    }  # fmt: skip


@pytest.mark.parametrize("said", [SHOW, COMMIT, ONE_SHOT])
async def test_a_wizard_that_goes_in_circles_is_left(panel: Panel, upstream: BillmanagerUpstream, said: str) -> None:
    for function in (ONE_SHOT, SHOW, COMMIT):
        panel.standing[function] = leads_to(said if function == COMMIT else SHOW)
    with pytest.raises(OutcomeUnknown, match="a step of the same wizard"):
        await upstream.change_plan("4711", "59", 1)
    assert panel.functions == [ONE_SHOT, SHOW, COMMIT]


async def test_a_wizard_that_never_ends_is_left(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(leads_to(COMMIT), *[leads_to(f"{ONE_SHOT}.step{count}") for count in range(20)])
    with pytest.raises(OutcomeUnknown, match="a step of the same wizard"):
        await upstream.change_plan("4711", "59", 1)
    assert len(panel.requests) <= 6


async def test_what_the_last_step_leaves_to_be_paid_is_told(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(leads_to(SHOW), doc(SHOWN), doc('<ok type="form">func=payment.add&amp;billorder=77</ok>'))
    accepted = await upstream.change_plan("4711", "59", 1)
    assert accepted == PlanChangeAccepted(unpaid=Unpaid(kind=UnpaidKind.ORDER, number="77"))


@pytest.mark.parametrize("answer", [cut_before_answer, http("", 502)])
async def test_a_wizard_led_to_that_fails_before_its_last_step_has_changed_nothing(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(leads_to(SHOW), answer)
    with pytest.raises(NotSent):
        await upstream.change_plan("4711", "59", 1)
    assert panel.functions == [ONE_SHOT, SHOW]


@pytest.mark.parametrize("answer", [cut_before_answer, doc(SHOWN), http("", 502)])
async def test_a_wizard_that_fails_at_its_last_step_has_an_unknown_outcome(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(UNKNOWN_FUNCTION, doc(SHOWN), answer)
    with pytest.raises(OutcomeUnknown):
        await upstream.change_plan("4711", "59", 1)
    assert panel.functions == [ONE_SHOT, SHOW, COMMIT]
