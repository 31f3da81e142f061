"""The set-up request: what is sent in either dialect, and what its answer proves."""

import pytest

from models.enums import RenewalOwner, UnpaidKind
from models.money import Money
from models.product_types import PRODUCT_TYPES
from tests.upstreams.panel import PASSWORD, USERNAME, Panel, doc, refusal
from upstreams.answers import Unpaid
from upstreams.billmanager import BillmanagerUpstream
from upstreams.billmanager.products import TABLE
from upstreams.billmanager.settings import Dialect
from upstreams.errors import NotEnoughMoney, OutcomeUnknown, SetupFault
from upstreams.port import OrderSpec

AUTHINFO = ("authinfo", f"{USERNAME}:{PASSWORD}")
FINISH = [("skipbasket", "on"), ("clicked_button", "finish"), ("sok", "ok")]

SERVER = OrderSpec(
    product_type="vds",
    tariff="58",
    location="1",
    period=12,
    name="s1042.example.test",
    mark="rf-1042-7-a1",
    parameters={"template": "Debian-12", "recipe": "null"},
    addons={"addon_61": "2"},
)
LICENCE = OrderSpec(
    product_type="soft",
    tariff="55227",
    location=None,
    period=1,
    name="L-1001",
    mark="rf-1001-3-a1",
    parameters={"ip": "192.0.2.10"},
)


async def sent(panel: Panel, spec: OrderSpec, dialect: Dialect) -> list[tuple[str, str]]:
    panel.answers(doc("<ok/>"))
    async with BillmanagerUpstream(panel.connection(dialect=dialect)) as upstream:
        await upstream.order(spec)
    (request,) = panel.requests
    assert request.target == "/billmgr"
    return request.pairs


async def test_a_server_in_dialect_6(panel: Panel) -> None:
    assert await sent(panel, SERVER, Dialect.SIX) == [
        ("func", "v2.vds.order.param"),
        ("out", "xml"),
        ("lang", "en"),
        AUTHINFO,
        ("pricelist", "58"),
        ("datacenter", "1"),
        ("order_period", "12"),
        ("domain", "s1042.example.test"),
        ("remoteid", "rf-1042-7-a1"),
        ("autoprolong", "off"),
        ("ostempl", "Debian-12"),
        ("recipe", "null"),
        ("addon_61", "2"),
        *FINISH,
    ]


async def test_a_server_in_dialect_5(panel: Panel) -> None:
    assert await sent(panel, SERVER, Dialect.FIVE) == [
        ("func", "vds.order.param"),
        ("out", "xml"),
        ("lang", "en"),
        AUTHINFO,
        ("pricelist", "58"),
        ("datacenter", "1"),
        ("period", "12"),
        ("domain", "s1042.example.test"),
        ("remoteid", "rf-1042-7-a1"),
        ("autoprolong", "null"),
        ("ostempl", "Debian-12"),
        ("recipe", "null"),
        ("addon_61", "2"),
        *FINISH,
    ]


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_licence_is_ordered_the_old_way_in_both_dialects(panel: Panel, dialect: Dialect) -> None:
    assert await sent(panel, LICENCE, dialect) == [
        ("func", "soft.order.param"),
        ("out", "xml"),
        ("lang", "en"),
        AUTHINFO,
        ("pricelist", "55227"),
        ("period", "1"),
        ("licname", "L-1001"),
        ("remoteid", "rf-1001-3-a1"),
        ("autoprolong", "null"),
        ("ip", "192.0.2.10"),
        *FINISH,
    ]


NO_SUCH_FUNCTION = refusal("missed", "func")


@pytest.mark.parametrize(
    ("product_type", "usual", "other", "expected"),
    [
        ("soft", "soft.order.param", "v2.soft.order.param", {"order_period": "12", "autoprolong": "off"}),
        ("vhost", "v2.vhost.order.param", "vhost.order.param", {"period": "12", "autoprolong": "null"}),
    ],
)
async def test_the_other_form_of_the_type_is_used_where_there_is_none_of_the_usual_name(
    panel: Panel, upstream: BillmanagerUpstream, product_type: str, usual: str, other: str, expected: dict[str, str]
) -> None:
    spec = SERVER.model_copy(update={"product_type": product_type})
    panel.standing = {usual: NO_SUCH_FUNCTION, other: doc("<item.id>900123</item.id>")}
    assert (await upstream.order(spec)).upstream_number == "900123"
    assert panel.functions == [usual, other]
    fields = panel.requests[1].fields
    assert {name: fields[name] for name in expected} == expected
    await upstream.order(spec)
    assert panel.functions == [usual, other, other], "which one is there is remembered"


async def test_where_there_is_neither_form_the_usual_one_is_named(panel: Panel, upstream: BillmanagerUpstream) -> None:
    for _ in range(2):
        with pytest.raises(SetupFault, match=r"v2\.vds\.order\.param: the upstream has no such function"):
            await upstream.order(SERVER)
    assert panel.functions == ["v2.vds.order.param", "vds.order.param"] * 2


async def test_version_5_has_no_other_form(panel: Panel) -> None:
    async with BillmanagerUpstream(panel.connection(dialect=Dialect.FIVE)) as upstream:
        with pytest.raises(SetupFault):
            await upstream.order(SERVER)
    assert panel.functions == ["vds.order.param"]


@pytest.mark.parametrize(
    ("product_type", "function", "name_field", "period_field"),
    [
        ("vhost", "v2.vhost.order.param", "domain", "order_period"),
        ("dedic", "v2.dedic.order.param", "domain", "order_period"),
        ("storage", "v2.storage.order.param", "domain", "order_period"),
        ("softexternal", "softexternal.order.param", "licname", "period"),
        ("platform", "platform.order.param", "licname", "period"),
        ("addition", "addition.order.param", "licname", "period"),
        ("certificate", "certificate.order.param", "domain", "period"),
        ("domain", "domain.order.param", "domain", "period"),
    ],
)
async def test_product_types_in_dialect_6(
    panel: Panel, product_type: str, function: str, name_field: str, period_field: str
) -> None:
    spec = SERVER.model_copy(update={"product_type": product_type})
    fields = dict(await sent(panel, spec, Dialect.SIX))
    assert fields["func"] == function
    assert fields[name_field] == spec.name
    assert fields[period_field] == "12"


async def test_a_domain_in_either_dialect(panel: Panel) -> None:
    spec = OrderSpec(
        product_type="domain",
        tariff="300",
        location=None,
        period=12,
        name="example.test",
        mark="rf-1001-3-a1",
        extras={"operation": "transfer", "auth_code": "x1"},
    )
    expected = [
        ("func", "domain.order.param"),
        ("out", "xml"),
        ("lang", "en"),
        AUTHINFO,
        ("operation", "transfer"),
        ("countdomain", "1"),
        ("pricelist", "300"),
        ("period", "12"),
        ("domain", "example.test"),
        ("remoteid", "rf-1001-3-a1"),
        ("autoprolong", "null"),
        ("auth_code", "x1"),
        ("skipbasket", "on"),
        ("clicked_button", "quickbasket"),
        ("sok", "ok"),
    ]
    assert await sent(panel, spec, Dialect.SIX) == expected
    panel.requests.clear()
    assert await sent(panel, spec, Dialect.FIVE) == expected


NOT_THEIRS = [owner for owner in RenewalOwner if owner is not RenewalOwner.UPSTREAM]


@pytest.mark.parametrize(
    ("product_type", "dialect", "owner", "autoprolong"),
    [
        ("vds", Dialect.SIX, RenewalOwner.UPSTREAM, "on"),
        ("vds", Dialect.FIVE, RenewalOwner.UPSTREAM, "12"),
        ("soft", Dialect.SIX, RenewalOwner.UPSTREAM, "12"),
        ("domain", Dialect.SIX, RenewalOwner.UPSTREAM, "12"),
        *((type_, Dialect.SIX, owner, "off") for type_ in ("vds", "storage") for owner in NOT_THEIRS),
        *(("vds", Dialect.FIVE, owner, "null") for owner in NOT_THEIRS),
        *((type_, Dialect.SIX, owner, "null") for type_ in ("soft", "certificate") for owner in NOT_THEIRS),
    ],
)
async def test_renewal_is_a_flag_in_forms_of_version_6_and_a_period_in_the_old_ones(
    panel: Panel, product_type: str, dialect: Dialect, owner: RenewalOwner, autoprolong: str
) -> None:
    spec = SERVER.model_copy(update={"product_type": product_type, "renewal_owner": owner})
    assert dict(await sent(panel, spec, dialect))["autoprolong"] == autoprolong


@pytest.mark.parametrize("period", [-50, -100, 0])
async def test_days_trials_and_lifetimes_pass(panel: Panel, period: int) -> None:
    spec = SERVER.model_copy(update={"period": period})
    assert dict(await sent(panel, spec, Dialect.SIX))["order_period"] == str(period)


@pytest.mark.parametrize(
    "name", ["func", "authinfo", "auth", "su", "sok", "remoteid", "skipbasket", "pricelist", "elid"]
)
@pytest.mark.parametrize("where", ["parameters", "extras", "addons"])
async def test_the_catalogue_cannot_set_a_field_that_is_ours(
    panel: Panel, upstream: BillmanagerUpstream, name: str, where: str
) -> None:
    with pytest.raises(SetupFault, match=name):
        await upstream.order(SERVER.model_copy(update={where: {name: "x"}}))
    assert panel.requests == []


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("<id>900123</id>", "900123"),
        ("<ok/><id>900123</id>", "900123"),
        ('<ok type="form">func=vds</ok><id>900123</id>', "900123"),
        ("<item.id>900123</item.id>", "900123"),
        ("<itemid>900123</itemid>", "900123"),
        ('<id v="900123"/>', "900123"),
        ('<item.id id="900123"/>', "900123"),
        ("<doc><id>900123</id></doc>", "900123"),
        ("<ok/><doc><item.id>900123</item.id></doc>", "900123"),
        ("<ok/><billorder.id>77</billorder.id><item.id>900123</item.id>", "900123"),
        # Whose number `id` is there is not said: never the number of something to be paid for the item's.
        ("<ok/><billorder.id>77</billorder.id><id>900123</id>", None),
        ("<ok/><billorder.id>77</billorder.id><id>77</id>", None),
        ("<ok/><billorder>77</billorder><item.id>77</item.id>", None),
        ("<tparams><id>1</id></tparams><id>900123</id>", "900123"),
        ("<ok/>", None),
        ("<doc><ok/></doc>", None),
        ('<ok type="list">func=vds</ok>', None),
        ("<ok/><billorder.id>77</billorder.id>", None),
        ("<billorder>77</billorder>", None),
        ("<lineitem.id>77</lineitem.id>", None),
        ("<ok/><id/>", None),
        ("<ok/><id>new</id>", None),
        ("<ok/><id>0</id>", None),
        ("<tparams><func>vds.order.param</func></tparams>", None),
        ("", None),
        ('<ok/><slist name="period"/><pricelist>58</pricelist>', None),
    ],
)
async def test_a_yes_with_or_without_a_number(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, answer: str, number: str | None
) -> None:
    panel.answers(doc(answer))
    assert (await upstream.order(spec)).upstream_number == number


ORDER, CART = UnpaidKind.ORDER, UnpaidKind.CART_ROW


@pytest.mark.parametrize(
    ("answer", "kind", "number"),
    [
        ("<billorder>77</billorder>", ORDER, "77"),
        ("<ok/><billorder.id>77</billorder.id>", ORDER, "77"),
        ("<ok/><doc><billorder.id>77</billorder.id></doc>", ORDER, "77"),
        ('<billorder id="77"/>', ORDER, "77"),
        ("<lineitem.id>78</lineitem.id>", CART, "78"),
        ("<ok/><lineitem>78</lineitem>", CART, "78"),
        ("<ok/><billorder>77</billorder><lineitem.id>78</lineitem.id>", CART, "78"),
        ('<ok type="form">func=basket</ok>', ORDER, ""),
        ('<ok type="form">func=basket&amp;billorder=77</ok>', ORDER, "77"),
        ('<ok type="form">func=payment.add&amp;billorder=77&amp;paymethod=0</ok>', ORDER, "77"),
        ('<ok type="form">func=payment.add.method</ok>', ORDER, ""),
        ('<ok type="list">func=cart</ok>', CART, ""),
        ('<ok type="list">func=v2.cart</ok>', CART, ""),
        ('<ok type="form">func=cartorder.create.confirm&amp;elid=78</ok>', CART, "78"),
        ('<ok type="url">https://panel.example.test/billmgr?func=cart&amp;lineitem=78</ok>', CART, "78"),
    ],
)
async def test_an_order_that_landed_in_the_cart_is_not_taken_for_the_service(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, answer: str, kind: UnpaidKind, number: str
) -> None:
    panel.answers(doc(answer))
    accepted = await upstream.order(spec)
    assert (accepted.upstream_number, accepted.unpaid) == (None, Unpaid(kind=kind, number=number))


@pytest.mark.parametrize(
    "answer",
    [
        "<ok/><billorder/>",
        "<ok/><billorder>0</billorder>",
        "<ok/><lineitem_id>null</lineitem_id>",
        "<tparams><lineitem>78</lineitem></tparams><ok/>",
        '<ok type="list">func=vds</ok>',
        '<ok type="list">func=payment</ok>',
        "<ok/><item.id>900123</item.id>",
    ],
)
async def test_an_order_with_nothing_left_to_pay(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, answer: str
) -> None:
    panel.answers(doc(answer))
    assert (await upstream.order(spec)).unpaid is None


@pytest.mark.parametrize(
    "step", ["v2.vds.order.param", "vds.order.pricelist", "domain.order.contact", "domain.order.payment", "vds.order"]
)
async def test_a_yes_that_leads_to_a_step_of_the_order_proves_nothing(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, step: str
) -> None:
    panel.answers(doc(f'<ok type="form">func={step}&amp;pricelist=58</ok>'))
    with pytest.raises(OutcomeUnknown, match="a step of the order, instead of a yes"):
        await upstream.order(spec)
    assert len(panel.requests) == 1


@pytest.mark.parametrize(
    "form",
    [
        '<pricelist>58</pricelist><order_period>1</order_period><slist name="ostempl"><val key="a">A</val></slist>',
        '<slist name="period"><val key="1">month</val></slist>',
        '<list name="tariflist"/>',
        '<metadata type="form"/>',
        "<pricelist>58</pricelist>",
        "<p_elems>0</p_elems>",
        '<id/><slist name="period"/>',
        '<id>58</id><slist name="period"/>',
    ],
)
async def test_the_form_shown_again_proves_nothing(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str
) -> None:
    panel.answers(doc(form))
    with pytest.raises(OutcomeUnknown, match="form again"):
        await upstream.order(spec)


async def test_too_little_money_tells_the_amounts(panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec) -> None:
    panel.answers(refusal("not_enough_money", amount="5.0000", have="1.00", currency="EUR", available="1.00"))
    with pytest.raises(NotEnoughMoney) as raised:
        await upstream.order(spec)
    assert raised.value.required == Money.of("5.0000", "EUR")
    assert raised.value.available == Money.of("1.00", "EUR")


async def test_a_quote_only_reads_the_form(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc('<list name="total_summary"><elem><name>Total</name><cost>5.00 EUR</cost></elem></list>'))
    assert (await upstream.quote(SERVER)).price == Money.of("5.00", "EUR")
    fields = panel.requests[0].fields
    assert fields["func"] == "v2.vds.order.param"
    assert fields["order_period"] == "12"
    assert not {"sok", "skipbasket", "clicked_button"} & fields.keys()


@pytest.mark.parametrize(
    ("form", "price"),
    [
        ('<list name="total_summary"><elem><cost>5.00</cost></elem></list>', "5.00"),
        ('<list name="total_summary"><elem><total>4,50 EUR</total><discount>0,50 EUR</discount></elem></list>', "4.50"),
        ('<list name="total_summary"><elem><a>5 EUR</a><b>5.00 EUR</b></elem></list>', "5.00"),
        ('<metadata><list name="total_summary"><elem><cost>5.00 EUR</cost></elem></list></metadata>', "5.00"),
        ("<orderinfo>Setup: 1.00 EUR&lt;br/&gt;Total: &lt;b&gt;5.00 EUR&lt;/b&gt;</orderinfo>", "5.00"),
        ("<orderinfo>VPS-2\nTotal amount: 1\u00a0234,50 EUR</orderinfo>", "1234.50"),
        ('<list name="total_summary"><elem><a>5.00 EUR</a><b>6.00 EUR</b></elem></list>', None),
        ('<list name="total_summary"><elem><total>5.00 USD</total></elem></list>', None),
        ('<list name="total_summary"><elem><id>7</id></elem></list>', None),
        ('<list name="total_summary"><elem><total>1.234 EUR</total></elem></list>', None),
        ('<list name="pricelist_summary"><elem><cost>5.00 EUR</cost></elem></list>', None),
        ("<orderinfo>5.00 EUR</orderinfo>", None),
        ("<orderinfo>Total: 5.00 EUR&lt;br/&gt;Total next year: 7.00 EUR</orderinfo>", None),
        ("<orderinfo>Subtotal: 5.00 EUR</orderinfo>", None),
        ("<pricelist>58</pricelist>", None),
    ],
)
async def test_a_price_is_read_only_if_it_can_be_read_in_one_way(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str, price: str | None
) -> None:
    panel.answers(doc(form))
    quoted = await upstream.quote(spec)
    assert quoted.price == (None if price is None else Money.of(price, "EUR"))


def test_each_product_type_says_how_it_is_ordered() -> None:
    assert TABLE.keys() == PRODUCT_TYPES.keys()


async def test_a_type_without_a_row_is_not_sent(panel: Panel, upstream: BillmanagerUpstream) -> None:
    spec = SERVER.model_copy(update={"product_type": "balloon"})
    unknown = "not sent, how a balloon is ordered is not known"
    with pytest.raises(SetupFault, match=unknown):
        await upstream.order(spec)
    with pytest.raises(SetupFault, match=unknown):
        await upstream.quote(spec)
    assert panel.requests == []


def test_a_field_of_another_type_is_not_renamed() -> None:
    assert TABLE["addition"].order_field("licence") == "item"
    assert TABLE["soft"].order_field("licence") == "licence"
