"""The balance: which call is asked, which row is ours, and what cannot be read in one way is not guessed."""

import pytest

from models.money import Money
from tests.upstreams.panel import A_LIST, Answerer, Panel, cut_before_answer, doc, http, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, SetupFault, UpstreamError

NO_RIGHT = refusal("access", value="subaccount")
LOGIN_TOO = doc('<auth id="5e55"/>')
SUBACCOUNT = doc("<elem><id>1</id><balance>123.45</balance><currency>EUR</currency></elem><p_elems>1</p_elems>")
DASHBOARD = doc("<elem><id>1</id><balance>1\u00a0123,45 EUR</balance></elem>")
WHOAMI = doc('<user id="77" email="r@example.test" balance="7.00 EUR"/>')
NOTIFY = doc('<notify><item><value>3</value></item><item balance="yes"><value>8.00 EUR</value></item></notify>')

USRPARAM = doc("<realname>R</realname><balance>9.00</balance><currency>eur</currency><metadata type='form'/>")


async def known_upstream(panel: Panel, **options: str) -> BillmanagerUpstream:
    """One whose login has been seen to work, so that `access` is about a function."""
    upstream = BillmanagerUpstream(panel.connection(currency=options.get("currency", "EUR")))
    panel.answers(A_LIST)
    await upstream.list_items("vds")
    panel.requests.clear()
    return upstream


@pytest.mark.parametrize(
    ("answers", "read_by", "amount"),
    [
        ([SUBACCOUNT], "subaccount", "123.45"),
        ([NO_RIGHT, DASHBOARD], "dashboard.info", "1123.45"),
        ([NO_RIGHT, NO_RIGHT, WHOAMI], "whoami", "7.00"),
        ([NO_RIGHT, NO_RIGHT, NO_RIGHT, NOTIFY], "notify", "8.00"),
        ([NO_RIGHT, NO_RIGHT, NO_RIGHT, NO_RIGHT, USRPARAM], "usrparam", "9.00"),
        ([refusal("missed", "func"), DASHBOARD], "dashboard.info", "1123.45"),
        ([refusal("not_implemented"), DASHBOARD], "dashboard.info", "1123.45"),
        ([doc("<p_elems>0</p_elems>"), DASHBOARD], "dashboard.info", "1123.45"),
        ([doc("<elem><id>1</id></elem>"), DASHBOARD], "dashboard.info", "1123.45"),
        ([doc("<elem><balance>1.234 EUR</balance></elem>"), DASHBOARD], "dashboard.info", "1123.45"),
        ([NO_RIGHT, NO_RIGHT, doc("<user id='1'/>"), NOTIFY], "notify", "8.00"),
    ],
)
async def test_calls_are_tried_in_order(panel: Panel, answers: list[Answerer], read_by: str, amount: str) -> None:
    async with await known_upstream(panel) as upstream:
        panel.answers(*answers)
        balance = await upstream.balance()
        assert (balance.read_by, balance.amount) == (read_by, Money.of(amount, "EUR"))
        assert panel.functions == ["subaccount", "dashboard.info", "whoami", "notify", "usrparam"][: len(answers)]

        panel.requests.clear()
        panel.answers(answers[-1])
        await upstream.balance()
        assert panel.functions == [read_by], "the call that worked is remembered"


async def test_the_call_that_worked_last_time_comes_first(panel: Panel) -> None:
    panel.answers(WHOAMI)
    async with BillmanagerUpstream(panel.connection(balance_call="whoami")) as upstream:
        assert (await upstream.balance()).read_by == "whoami"
    assert panel.functions == ["whoami"]


async def test_a_remembered_call_that_works_no_more_is_passed_over(panel: Panel) -> None:
    panel.answers(doc("<user id='1'/>"), SUBACCOUNT)
    async with BillmanagerUpstream(panel.connection(balance_call="whoami")) as upstream:
        assert (await upstream.balance()).read_by == "subaccount"


async def test_a_remembered_call_that_nobody_knows_is_forgotten(panel: Panel) -> None:
    panel.answers(SUBACCOUNT)
    async with BillmanagerUpstream(panel.connection(balance_call="rm.all")) as upstream:
        assert (await upstream.balance()).read_by == "subaccount"
    assert panel.functions == ["subaccount"]


@pytest.mark.parametrize(
    ("rows", "amount"),
    [
        ([("5.00 EUR", ""), ("9.00 USD", "")], "5.00"),
        ([("5.00", "EUR"), ("9.00", "USD")], "5.00"),
        ([("5.00", "€"), ("9.00", "$")], "5.00"),
        ([("0.00", "EUR"), ("5.00", "EUR")], "5.00"),
        ([("0.00", "EUR"), ("0.00", "EUR")], "0.00"),
        ([("-5.00", "EUR")], "-5.00"),
        ([("5.00", "")], "5.00"),
        ([("5.00 EUR", "153")], "5.00"),
        ([("5.00", "153")], "5.00"),
    ],
)
async def test_the_row_in_our_currency(
    panel: Panel, upstream: BillmanagerUpstream, rows: list[tuple[str, str]], amount: str
) -> None:
    elems = (f"<elem><balance>{text}</balance><currency>{currency}</currency></elem>" for text, currency in rows)
    panel.answers(doc("".join(elems)))
    assert (await upstream.balance()).amount == Money.of(amount, "EUR")


@pytest.mark.parametrize(
    ("answer", "amount"),
    [
        # What can be spent, credit included, and what is real are columns beside the balance.
        (
            "<elem><balance>5.00 EUR</balance><realbalance>7.00 EUR</realbalance><available>105.00 EUR</available>"
            "<enoughmoneyto>2026-03-01</enoughmoneyto></elem>",
            "5.00",
        ),
        ("<elem><balance>5.00 eur</balance></elem>", "5.00"),
        ("<elem><balance>5.00</balance><currency>eur</currency></elem>", "5.00"),
    ],
)
async def test_the_columns_of_a_live_dashboard(
    panel: Panel, upstream: BillmanagerUpstream, answer: str, amount: str
) -> None:
    panel.answers(refusal("missed", "func"), doc(answer))
    assert (await upstream.balance()).amount == Money.of(amount, "EUR")


async def test_a_dashboard_with_all_but_the_balance_is_passed_over(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("missed", "func"), doc("<elem><available>105.00 EUR</available></elem>"), WHOAMI)
    assert (await upstream.balance()).amount == Money.of("7.00", "EUR")


async def test_whoami_names_the_currency_beside_the_balance(panel: Panel) -> None:
    panel.standing = {"whoami": doc('<user id="77" balance="7.00" currency="rub"/>')}
    async with BillmanagerUpstream(panel.connection(currency="RUB", balance_call="whoami")) as upstream:
        assert (await upstream.balance()).amount == Money.of("7.00", "RUB")
    async with BillmanagerUpstream(panel.connection(balance_call="whoami")) as upstream:
        with pytest.raises(SetupFault, match=r"7\.00 RUB"):
            await upstream.balance()


async def test_several_balances_in_our_currency_are_not_added_up(panel: Panel, upstream: BillmanagerUpstream) -> None:
    two = doc("<elem><balance>5.00 EUR</balance></elem><elem><balance>6.00 EUR</balance></elem>")
    panel.answers(two, DASHBOARD)
    assert (await upstream.balance()).read_by == "dashboard.info"
    fresh = BillmanagerUpstream(panel.connection())
    panel.answers(two, *[NO_RIGHT] * 4)
    with pytest.raises(SetupFault, match="several balances"):
        await fresh.balance()
    await fresh.aclose()


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([doc("<elem><balance>5.00</balance><currency>USD</currency></elem>")], "USD"),
        ([doc("<elem><balance>5.00 руб.</balance></elem>")], "RUB"),
        ([NO_RIGHT, doc("<elem><balance>$5.00</balance></elem>")], "USD"),
        ([NO_RIGHT, NO_RIGHT, doc('<user balance="5.00 USD"/>')], "USD"),
    ],
)
async def test_a_balance_in_another_currency_is_a_setup_fault(panel: Panel, answers: list[Answerer], told: str) -> None:
    async with await known_upstream(panel) as upstream:
        panel.answers(*answers)
        with pytest.raises(SetupFault, match=told):
            await upstream.balance()
        assert len(panel.requests) == len(answers)


async def test_no_call_allowed_is_unhealthy(panel: Panel) -> None:
    async with await known_upstream(panel) as upstream:
        panel.answers(*[NO_RIGHT] * 5)
        with pytest.raises(ConnectionUnhealthy, match="none of the balance calls"):
            await upstream.balance()


async def test_no_readable_balance_is_a_setup_fault_that_shows_what_was_there(panel: Panel) -> None:
    async with await known_upstream(panel) as upstream:
        panel.answers(doc("<elem><balance>1.234</balance></elem>"), *[NO_RIGHT] * 4)
        with pytest.raises(SetupFault, match=r"1\.234"):
            await upstream.balance()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (cut_before_answer, OutcomeUnknown),
        (http("", 502), OutcomeUnknown),
        (http("", 403), ConnectionUnhealthy),
        (refusal("extraconfirm"), ConnectionUnhealthy),
        (refusal("license"), ConnectionUnhealthy),
    ],
)
async def test_trouble_with_the_connection_is_not_taken_for_a_missing_function(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, expected: type[UpstreamError]
) -> None:
    panel.answers(answer)
    with pytest.raises(expected):
        await upstream.balance()
    assert len(panel.requests) == 1


@pytest.mark.parametrize("answer", [cut_before_answer, http("", 502)])
async def test_a_read_that_fails_does_not_sound_like_a_lost_charge(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(answer)
    with pytest.raises(OutcomeUnknown) as failed:
        await upstream.balance()
    assert "not known" not in failed.value.message
