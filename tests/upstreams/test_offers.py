"""What may be ordered: from the published price list, else from the order form."""

import pytest

from models.money import Money
from tests.upstreams.panel import A_LIST, Answerer, Panel, cut_before_answer, doc, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.billmanager.settings import Dialect
from upstreams.errors import OutcomeUnknown, Rejected
from upstreams.port import NotAllowed, Offer

EXPORT = "pricelist.export"
EXPORTED = doc(
    "<pricelist><id>58</id><itemtype>vds</itemtype><name>VPS-2</name>"
    '<price currency="EUR"><period cost="5.00" type="month" length="1">monthly</period>'
    '<period cost="50.00" type="year" length="1">yearly</period>'
    '<period cost="0.20" type="day" length="1">daily</period><period cost="0.00" type="trial" length="7"/>'
    '<period cost="99" type="lifetime" length="1"/><period cost="1.00" type="week" length="1"/>'
    '<period cost="4,99" type="month" length="x"/></price>'
    '<price currency="USD"><period cost="6.00" type="month" length="3"/></price>'
    "<addon><id>61</id><name>Disk</name></addon></pricelist>"
    "<pricelist><id>277</id><additionintname>SomeModule</additionintname></pricelist>"
    "<pricelist><id>90</id><itemtype>vhost</itemtype><name>Hosting</name></pricelist>"
    "<pricelist><itemtype>vds</itemtype></pricelist>"
)


def euros(prices: dict[int, str]) -> dict[int, Money]:
    return {period: Money.of(amount, "EUR") for period, amount in prices.items()}


async def test_the_published_price_list(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(EXPORTED)
    assert await upstream.orderable("vds") == (
        Offer(
            tariff="58",
            name="VPS-2",
            prices=euros({1: "5.00", 12: "50.00", -50: "0.20", -100: "0.00", 0: "99"}),
        ),
        Offer(tariff="277", name="SomeModule"),
    )
    (request,) = panel.requests
    assert request.function == EXPORT
    assert request.pairs[4:] == [("itemtype", "vds"), ("onlyavailable", "on")]


@pytest.mark.parametrize(
    ("refused", "dialect", "product_type", "function"),
    [
        (refusal("access"), Dialect.SIX, "vds", "v2.vds.order.pricelist"),
        (refusal("missed", "func"), Dialect.FIVE, "vds", "vds.order.pricelist"),
        (refusal("value", "itemtype"), Dialect.SIX, "soft", "soft.order.pricelist"),
        (doc(), Dialect.SIX, "dedic", "v2.dedic.order.pricelist"),
    ],
)
async def test_the_order_form_where_there_is_no_price_list(
    panel: Panel, refused: Answerer, dialect: Dialect, product_type: str, function: str
) -> None:
    panel.standing.update({EXPORT: refused, "vds": A_LIST})
    panel.standing[function] = doc(
        '<period>1</period><list name="tariflist"><elem><pricelist>58</pricelist><desc>VPS-2</desc>'
        "<price>5.00 EUR / month</price></elem><elem><pricelist>59</pricelist><desc>VPS-4</desc><price>-</price></elem>"
        '</list><list name="other"><elem><key>1</key></elem></list>'
    )
    async with BillmanagerUpstream(panel.connection(dialect=dialect)) as upstream:
        await upstream.list_items("vds")
        assert await upstream.orderable(product_type) == (
            Offer(tariff="58", name="VPS-2", prices=euros({1: "5.00"})),
            Offer(tariff="59", name="VPS-4"),
        )
    assert panel.functions == ["vds", EXPORT, function]


async def test_the_order_form_with_prices_inside(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(
        doc(),
        doc(
            '<slist name="datacenter"/><list name="pricelist"><elem><id>58</id><title>VPS-2</title><prices>'
            "<price><period>1</period><cost>5.00</cost><currency>EUR</currency></price>"
            '<price period="12" cost="50.00" currency="EUR"/>'
            "<price><period>3</period><cost>14.00</cost><currency>USD</currency></price>"
            "<price><period>6</period><cost>29.00</cost><currency>978</currency></price></prices></elem></list>"
        ),
    )
    assert await upstream.orderable("vds") == (
        Offer(tariff="58", name="VPS-2", prices=euros({1: "5.00", 12: "50.00"})),
    )


async def test_no_offers(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(), doc('<metadata type="form"/>'))
    assert await upstream.orderable("vds") == ()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([cut_before_answer], OutcomeUnknown),
        ([doc(), cut_before_answer], OutcomeUnknown),
        ([doc(), refusal("access")], NotAllowed),
        ([doc(), refusal("no_tariffs")], Rejected),
    ],
)
async def test_trouble_is_not_an_empty_offer(
    panel: Panel, upstream: BillmanagerUpstream, answers: list[Answerer], expected: type[Exception]
) -> None:
    panel.answers(*answers)
    with pytest.raises(expected):
        await upstream.orderable("vds")
