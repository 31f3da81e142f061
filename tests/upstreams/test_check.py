"""What `check` finds out about an upstream, and how it tells what is wrong."""

import pytest

from models.enums import Knowledge
from models.money import Money
from tests.upstreams.panel import Answerer, Panel, cut_before_answer, doc, http, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy, NotSent, OutcomeUnknown, UpstreamError

BALANCE = doc("<elem><balance>5.00 EUR</balance></elem>")


async def test_a_healthy_upstream(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.standing = {
        "subaccount": BALANCE,
        "vds": doc(
            "<p_elems>3</p_elems><elem><id>1</id><status>2</status><remoteid>a</remoteid></elem>"
            "<elem><id>2</id><status>2</status><remoteid/></elem><elem><id>3</id><status>4</status></elem>"
        ),
        "vds.edit": doc("<elid>2</elid><status>2</status><remoteid/>"),
        "soft": doc("<p_elems>0</p_elems>"),
    }
    found = await upstream.check(("vds", "soft"))
    assert (upstream.learned.balance_call, found.balance) == ("subaccount", Money.of("5.00", "EUR"))
    assert (found.lists_show_marks, found.forms_show_marks) == (Knowledge.YES, Knowledge.YES)
    assert found.listable_types == ("vds", "soft")
    assert found.problems == ()
    assert panel.functions == ["subaccount", "vds", "vds.edit", "soft", "menu"]
    assert all("sok" not in request.fields for request in panel.requests)


async def test_nothing_known_of_an_empty_account(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.standing = {"subaccount": BALANCE, "vds": doc("<p_elems>0</p_elems>")}
    found = await upstream.check(("vds",))
    assert (found.lists_show_marks, found.forms_show_marks) == (Knowledge.UNKNOWN, Knowledge.UNKNOWN)


async def test_what_is_refused_becomes_a_problem_in_words(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.standing = {
        "subaccount": doc("<elem><balance>5.00 USD</balance></elem>"),
        "vds": refusal("access", value="vds"),
        "soft": doc("<p_elems>9</p_elems><elem><id>1</id><status>2</status></elem>"),
        "soft.edit": doc("<elid>1</elid><status>2</status>"),
        "gone": refusal("missed", "func"),
        "dedic": doc("<p_elems>0</p_elems><p_filter>Status: Active</p_filter>"),
    }
    found = await upstream.check(("vds", "soft", "gone", "dedic"))
    assert (upstream.learned.balance_call, found.balance) == (None, None)
    assert found.listable_types == ("soft", "dedic")
    assert found.lists_show_marks is Knowledge.NO
    currency, right, incomplete, function, filtered, name_only = found.problems
    assert "no balance in EUR, only 5.00 USD" in currency
    assert "vds: the account has no right" in right
    assert "soft could not be proven complete" in incomplete
    assert "gone: the upstream has no such function" in function
    assert "a filter stored in the panel for this user narrows the list: Status: Active" in filtered
    assert "by their name only" in name_only


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (cut_before_answer, OutcomeUnknown),
        (http("", 403), ConnectionUnhealthy),
        (refusal("extraconfirm"), ConnectionUnhealthy),
    ],
)
@pytest.mark.parametrize("after_balance", [False, True])
async def test_an_upstream_that_cannot_be_talked_to(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, expected: type[UpstreamError], after_balance: bool
) -> None:
    panel.answers(*([BALANCE] if after_balance else []), answer)
    with pytest.raises(expected):
        await upstream.check(("vds",))


async def test_an_upstream_that_is_not_there(panel: Panel, upstream: BillmanagerUpstream) -> None:
    await panel.stop()
    with pytest.raises(NotSent):
        await upstream.check(("vds",))
