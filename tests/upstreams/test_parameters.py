"""Parameters and add-ons: their price, what may be set, what a yes looks like."""

import pytest

from models.money import Money
from tests.upstreams.panel import Panel, cut_before_answer, doc, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import NotEnoughMoney, OutcomeUnknown, Rejected, SetupFault

TOTAL = "<orderinfo>Additional disk&lt;br/&gt;Total amount: 7.00 EUR</orderinfo>"


@pytest.mark.parametrize(
    ("form", "price"),
    [
        (f"<elid>4711</elid><addon_61>4</addon_61>{TOTAL}", "7.00"),
        (f'<elid>4711</elid><addon_61 orig="4">4 Gb</addon_61>{TOTAL}', "7.00"),
        (f"<elid>4711</elid><addon_61>2</addon_61>{TOTAL}", None),
        (f"<elid>4711</elid>{TOTAL}", None),
        ("<elid>4711</elid><addon_61>4</addon_61><cost>5.00 EUR</cost>", None),
    ],
)
async def test_a_price_counts_only_if_the_form_took_the_values_over(
    panel: Panel, upstream: BillmanagerUpstream, form: str, price: str | None
) -> None:
    panel.answers(doc(form))
    quoted = await upstream.quote_parameters("vds", "4711", {"addon_61": "4"})
    assert quoted.price == (None if price is None else Money.of(price, "EUR"))


@pytest.mark.parametrize(
    ("answer", "billorder"),
    [
        ("<ok/>", None),
        ("", None),
        ('<ok type="list">func=vds</ok>', None),
        ("<ok/><billorder/>", None),
        ("<ok/><billorder>77</billorder>", "77"),
        ("<billorder.id>77</billorder.id>", "77"),
        ("<doc><billorder>77</billorder></doc>", "77"),
        ("<ok/><lineitem.id>78</lineitem.id>", "78"),
        ('<ok type="form">func=basket&amp;billorder=77</ok>', "77"),
        ('<ok type="form">func=cart</ok>', ""),
        ("<tparams><billorder>1</billorder></tparams><ok/>", None),
    ],
)
async def test_a_yes_names_what_has_yet_to_be_paid(
    panel: Panel, upstream: BillmanagerUpstream, answer: str, billorder: str | None
) -> None:
    panel.answers(doc(answer))
    accepted = await upstream.set_parameters("vds", "4711", {"addon_61": "4"})
    assert (accepted.unpaid.number if accepted.unpaid else None) == billorder


@pytest.mark.parametrize(
    "form",
    [
        '<elid>4711</elid><metadata type="form"/>',
        '<elid>4711</elid><slist name="autoprolong"/><billorder>77</billorder>',
        "<elid>4711</elid><status>2</status><expiredate>2026-01-31</expiredate>",
        '<ok type="form">func=vds.edit.pay</ok>',
    ],
)
async def test_the_form_shown_again_proves_nothing(panel: Panel, upstream: BillmanagerUpstream, form: str) -> None:
    panel.answers(doc(form), doc(form), doc(form.replace("vds", "soft")))
    with pytest.raises(OutcomeUnknown):
        await upstream.set_parameters("vds", "4711", {"addon_61": "4"})
    with pytest.raises(OutcomeUnknown):
        await upstream.set_mark("vds", "4711", "rf-1042-7-a1")
    with pytest.raises(OutcomeUnknown):
        await upstream.set_renewal("soft", "4711", None)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        *(
            {name: "x", "addon_61": "4"}
            for name in ("func", "sok", "elid", "authinfo", "su", "clicked_button", "skipbasket", "snext")
        ),
        *({name: "x"} for name in ("pricelist", "period", "remoteid", "autoprolong")),
    ],
    ids=str,
)
async def test_a_field_that_steers_the_call_cannot_be_set(
    panel: Panel, upstream: BillmanagerUpstream, fields: dict[str, str]
) -> None:
    with pytest.raises(SetupFault):
        await upstream.set_parameters("vds", "4711", fields)
    with pytest.raises(SetupFault):
        await upstream.quote_parameters("vds", "4711", fields)
    assert panel.requests == []


async def test_a_refused_parameter_is_named(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("value", "addon_61", "Too much", value="400"), refusal("not_enough_money"))
    with pytest.raises(Rejected) as raised:
        await upstream.set_parameters("vds", "4711", {"addon_61": "400"})
    assert (raised.value.field, raised.value.value) == ("addon_61", "400")
    with pytest.raises(NotEnoughMoney):
        await upstream.set_parameters("vds", "4711", {"addon_61": "4"})


async def test_a_secret_among_the_parameters_is_in_no_message(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("value", "userpassword", "The value s3cret-one is bad", value="s3cret-one"))
    with pytest.raises(Rejected) as raised:
        await upstream.set_parameters("vds", "4711", {"userpassword": "s3cret-one"})
    assert "s3cret-one" not in f"{raised.value!r} {vars(raised.value)}"


async def test_an_unclear_answer_is_not_followed_by_a_second_try(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(cut_before_answer, doc("<ok/>"))
    with pytest.raises(OutcomeUnknown):
        await upstream.set_parameters("vds", "4711", {"addon_61": "4"})
    assert panel.functions == ["vds.edit"]
