"""A row or form of the upstream as an item; reading and removing one."""

from datetime import date

import pytest

from models.enums import SuspendReason, UpstreamStatus
from models.money import Money
from tests.upstreams.panel import Answerer, Panel, doc, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.billmanager.periods import renews
from upstreams.errors import NoSuchItem, OutcomeUnknown, Rejected
from upstreams.port import UpstreamItem

ROW = (
    "<elem><id>4711</id><name>VPS-2</name><domain>v1.example.test</domain><status>2</status>"
    "<createdate>2026-01-01</createdate><expiredate>2026-01-31</expiredate><pricelist>VPS-2</pricelist>"
    "<cost>1\u00a0005,00 EUR</cost><ip>192.0.2.10</ip><period>1</period><autoprolong>null</autoprolong>"
    "<remoteid>rf-1-1-a1</remoteid><props><x>1</x></props></elem>"
)
FORM = (
    "<tparams><func>vds.edit</func><authinfo>a:b</authinfo></tparams><elid>4711</elid><id>4711</id><name>VPS-2</name>"
    "<domain>v1.example.test</domain><ip>192.0.2.10</ip><username>root</username><password>hush</password>"
    "<userpassword>hush</userpassword><lickey>hush</lickey><ssh_key>hush</ssh_key><auth_code>hush</auth_code>"
    "<createdate>2026-01-01</createdate><expiredate>2026-01-31</expiredate><cost>5.00 EUR</cost>"
    "<pricelist>58</pricelist><period>1</period><status>2</status><autoprolong>1</autoprolong>"
    "<ostempl>Debian-12</ostempl><addon_61>2</addon_61><remoteid/>"
    '<slist name="period"><val key="1">month</val></slist><messages/><metadata/>'
)


async def listed(panel: Panel, upstream: BillmanagerUpstream, inner: str, product_type: str = "vds") -> UpstreamItem:
    """The one item of a list whose row has these fields besides its number."""
    panel.answers(doc(f"<p_elems>1</p_elems><elem><id>4711</id>{inner}</elem>"))
    (item,) = (await upstream.list_items(product_type)).items
    return item


async def test_a_row(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(f"<p_elems>1</p_elems>{ROW}"))
    (item,) = (await upstream.list_items("vds")).items
    assert item == UpstreamItem(
        number="4711",
        product_type="vds",
        status=UpstreamStatus.ACTIVE,
        name="v1.example.test",
        mark="rf-1-1-a1",
        expires_on=date(2026, 1, 31),
        tariff="VPS-2",
        period="1",
        cost=Money.of("1005.00", "EUR"),
        ip="192.0.2.10",
        renewal="null",
        renews=False,
        raw={
            "id": "4711",
            "name": "VPS-2",
            "domain": "v1.example.test",
            "status": "2",
            "createdate": "2026-01-01",
            "expiredate": "2026-01-31",
            "pricelist": "VPS-2",
            "cost": "1\u00a0005,00 EUR",
            "ip": "192.0.2.10",
            "period": "1",
            "autoprolong": "null",
            "remoteid": "rf-1-1-a1",
        },
    )


async def test_a_form_is_read_without_its_secrets(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(FORM))
    item = await upstream.read_item("vds", "4711")
    assert (item.number, item.status, item.tariff, item.mark) == ("4711", UpstreamStatus.ACTIVE, "58", "")
    assert item.raw["addon_61"] == "2"
    assert item.raw["username"] == "root"
    assert "hush" not in repr(item)
    assert not {"tparams", "authinfo", "slist", "messages", "metadata"} & item.raw.keys()
    fields = panel.requests[0].fields
    assert (fields["func"], fields["elid"]) == ("vds.edit", "4711")
    assert "sok" not in fields


@pytest.mark.parametrize(
    ("inner", "status", "detail", "reason"),
    [
        ("<status>1</status>", UpstreamStatus.ORDERED, "", None),
        ("<status>4</status>", UpstreamStatus.DELETED, "", None),
        ('<status orig="2">Active</status>', UpstreamStatus.ACTIVE, "", None),
        ("<status>Active</status>", UpstreamStatus.ACTIVE, "", None),
        ("<status>Aktiv</status>", UpstreamStatus.UNKNOWN, "", None),
        ("<status>17</status>", UpstreamStatus.UNKNOWN, "", None),
        ("<status>0</status>", UpstreamStatus.UNKNOWN, "status_0", None),
        ("<status>Активен</status>", UpstreamStatus.ACTIVE, "", None),
        ("<item_status>Active</item_status><item_status_orig>2</item_status_orig>", UpstreamStatus.ACTIVE, "", None),
        ("<item_status>Läuft</item_status><item_status_orig>3</item_status_orig>", UpstreamStatus.SUSPENDED, "", None),
        (
            "<item_status>Läuft</item_status><item_status_orig>5_open</item_status_orig><status>5</status>",
            UpstreamStatus.PROCESSING,
            "",
            None,
        ),
        # A change of state is under way: neither the old nor the new one is to be relied on.
        (
            "<status>2</status><special_status>1</special_status>",
            UpstreamStatus.PROCESSING,
            "special_status_1",
            None,
        ),
        (
            "<status>3</status><special_status>1</special_status><autosuspend>on</autosuspend>",
            UpstreamStatus.PROCESSING,
            "special_status_1",
            None,
        ),
        ("<status>4</status><special_status>1</special_status>", UpstreamStatus.DELETED, "", None),
        ("<status>2</status><special_status>0</special_status>", UpstreamStatus.ACTIVE, "", None),
        # Stopped although billed: it does not run.
        (
            '<status>2</status><special_status orig="2">Stopped</special_status>',
            UpstreamStatus.SUSPENDED,
            "special_status_2",
            None,
        ),
        # All texts of the interface, by key: nothing about this item.
        (
            "<status>2</status><messages><msg name='x'>item_status_5_open</msg><item_status_3_abusesuspend>Suspended"
            "</item_status_3_abusesuspend></messages>",
            UpstreamStatus.ACTIVE,
            "",
            None,
        ),
        ("", UpstreamStatus.UNKNOWN, "", None),
        ('<item_status orig="3">Suspended</item_status>', UpstreamStatus.SUSPENDED, "", None),
        (
            "<item_status>Opening</item_status><item_real_status>5</item_real_status>",
            UpstreamStatus.PROCESSING,
            "",
            None,
        ),
        (
            "<status>5</status><item_status>item_status_5_open</item_status>",
            UpstreamStatus.PROCESSING,
            "item_status_5_open",
            None,
        ),
        (
            "<status>5</status><status_msg>item_status_service_nosuitable</status_msg>",
            UpstreamStatus.PROCESSING,
            "item_status_service_nosuitable",
            None,
        ),
        (
            '<item_status orig="item_status_5_need_configure">In progress</item_status>',
            UpstreamStatus.PROCESSING,
            "item_status_5_need_configure",
            None,
        ),
        (
            "<status>3</status><status_msg>item_status_3_abusesuspend</status_msg>",
            UpstreamStatus.SUSPENDED,
            "item_status_3_abusesuspend",
            SuspendReason.ABUSE,
        ),
        (
            "<status>3</status><item_status>item_status_3_employeesuspend</item_status>",
            UpstreamStatus.SUSPENDED,
            "item_status_3_employeesuspend",
            SuspendReason.STAFF,
        ),
        ("<status>3</status><autosuspend>on</autosuspend>", UpstreamStatus.SUSPENDED, "", SuspendReason.AUTOMATIC),
        (
            "<status>3</status><autosuspend>on</autosuspend><abusesuspend>on</abusesuspend>",
            UpstreamStatus.SUSPENDED,
            "",
            SuspendReason.ABUSE,
        ),
        ("<status>3</status><employeesuspend>off</employeesuspend>", UpstreamStatus.SUSPENDED, "", None),
        ("<status>2</status><autosuspend>on</autosuspend>", UpstreamStatus.ACTIVE, "", None),
    ],
)
async def test_status(
    panel: Panel,
    upstream: BillmanagerUpstream,
    inner: str,
    status: UpstreamStatus,
    detail: str,
    reason: SuspendReason | None,
) -> None:
    item = await listed(panel, upstream, inner)
    assert (item.status, item.status_detail, item.suspend_reason) == (status, detail, reason)


@pytest.mark.parametrize(
    ("inner", "expires_on"),
    [
        ("<expiredate>2026-02-01</expiredate>", date(2026, 2, 1)),
        ("<expiredate>2026-02-01 00:00:00</expiredate>", date(2026, 2, 1)),
        ('<expiredate orig="2026-02-01">1 Feb</expiredate>', date(2026, 2, 1)),
        ("<expiredate>daily charges</expiredate><real_expiredate>2026-02-01</real_expiredate>", date(2026, 2, 1)),
        ("<expiredate>01.02.2026</expiredate>", date(2026, 2, 1)),
        ("<expiredate>1.2.2026 00:00</expiredate>", date(2026, 2, 1)),
        ("<expiredate>2026/02/01</expiredate>", date(2026, 2, 1)),
        ("<expiredate>2026-02-01T00:00:00+03:00</expiredate>", date(2026, 2, 1)),
        ("<expiredate>00.00.0000</expiredate>", None),
        ("<expiredate>daily charges</expiredate>", None),
        ("<expiredate>0000-00-00</expiredate>", None),
        ("<expiredate/>", None),
        ("", None),
    ],
)
async def test_expiry(panel: Panel, upstream: BillmanagerUpstream, inner: str, expires_on: date | None) -> None:
    found = await listed(panel, upstream, inner)
    assert found.expires_on == expires_on
    assert "expires_on" not in found.unreadable


@pytest.mark.parametrize("shown", ["01/02/2026", "12/28/2026", "31.02.2026", "2026-13-01", "28-12-2026", "01.02.26"])
async def test_a_date_that_is_none_or_may_be_another_is_reported(
    panel: Panel, upstream: BillmanagerUpstream, shown: str
) -> None:
    found = await listed(panel, upstream, f"<expiredate>{shown}</expiredate>")
    assert found.expires_on is None
    assert found.unreadable == {"expires_on": shown}


@pytest.mark.parametrize(
    ("inner", "cost"),
    [
        ("<cost>5.00 EUR</cost>", Money.of("5.00", "EUR")),
        ("<cost>5.00</cost>", Money.of("5.00", "EUR")),
        ("<cost>7,00 $</cost>", Money.of("7.00", "USD")),
        ("<cost>5.00 EUR / month</cost><period>1</period>", Money.of("5.00", "EUR")),
        ("<cost>5.00 EUR / month</cost><period>Month</period>", Money.of("5.00", "EUR")),
        ("<cost>60.00 EUR / year</cost><period>12</period>", Money.of("60.00", "EUR")),
        # The price of a month is not that of the period, and of which period it is not said.
        ("<cost>5.00 EUR / month</cost><period>12</period>", None),
        ("<cost>5.00 EUR / month</cost>", None),
        ("<cost>127,50 руб. / месяц</cost><period>12</period>", None),
        ("<cost>127,50 руб. в месяц</cost><period>12</period>", None),
        ("<cost>5.00 EUR per month</cost><period>12</period>", None),
        ("<cost>5.00 EUR monthly</cost><period>12</period>", None),
        ("<cost>5.00 EUR (month)</cost><period>12</period>", None),
        ("<cost>5.00 EUR / day</cost><period>1</period>", None),
        ("<cost>5.00 EUR / mo.</cost><cost_iso>5.00 EUR</cost_iso><period>12</period>", None),
        ('<cost orig="5.00">5.00 EUR / month</cost><period>12</period>', None),
        # What a live panel shows of a yearly service.
        (
            "<cost>127.50 RUB / month</cost><item_cost>1530.0000</item_cost><currency_str>RUB</currency_str>",
            Money.of("1530.00", "RUB"),
        ),
        (
            "<cost>3.20 EUR / month</cost><item_cost>9.6000</item_cost><currency_str>eur</currency_str>",
            Money.of("9.60", "EUR"),
        ),
        ("<item_cost>10.80</item_cost>", Money.of("10.80", "EUR")),
        ("<item_cost/><cost>5.00 EUR</cost>", Money.of("5.00", "EUR")),
        ("<cost>270</cost><currency_str>RUB</currency_str>", Money.of("270", "RUB")),
        ("<cost>about five</cost><cost_iso>5.00 EUR</cost_iso>", Money.of("5.00", "EUR")),
        ("<cost>1.234</cost>", None),
        ("<cost/>", None),
        ("", None),
    ],
)
async def test_cost(panel: Panel, upstream: BillmanagerUpstream, inner: str, cost: Money | None) -> None:
    assert (await listed(panel, upstream, inner)).cost == cost


@pytest.mark.parametrize(
    ("inner", "name", "number"),
    [
        ("<pricelist>VPS-2</pricelist><pricelist_id>58</pricelist_id>", "VPS-2", "58"),
        ('<pricelist orig="58">VPS-2</pricelist>', "VPS-2", "58"),
        ("<pricelist>VPS-2</pricelist><pricelist_orig>58</pricelist_orig>", "VPS-2", "58"),
        ("<pricelist>VPS-2</pricelist>", "VPS-2", ""),
        ("<pricelist>58</pricelist>", "58", ""),
        ("<pricelist>VPS-2</pricelist><pricelist_id/>", "VPS-2", ""),
    ],
)
async def test_a_tariff_has_a_name_and_perhaps_a_number_beside_it(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, name: str, number: str
) -> None:
    item = await listed(panel, upstream, inner)
    assert (item.tariff, item.tariff_id) == (name, number)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("null", "null"),
        ("1", "1"),
        ("on", "on"),
        ("off", "off"),
        ("", ""),
        (" ", ""),
        ("Month", "1"),
        ("3 months", "3"),
        ("Half a year", "6"),
        ("Год", "12"),
        ("Месяц", "1"),
        ("Disabled", "off"),
        ("Отключено", "off"),
        ("Enabled", "on"),
        ("Whatever", None),
    ],
)
async def test_the_upstreams_renewal_is_a_code_whatever_the_language(
    panel: Panel, upstream: BillmanagerUpstream, shown: str, meant: str | None
) -> None:
    item = await listed(panel, upstream, f"<autoprolong>{shown}</autoprolong>")
    assert (item.renewal, item.raw["autoprolong"]) == (meant, shown.strip())


async def test_a_row_without_that_column_does_not_tell_of_renewal(panel: Panel, upstream: BillmanagerUpstream) -> None:
    item = await listed(panel, upstream, "")
    assert (item.renewal, item.renews) == (None, None)


LIVE_ROW = (
    "<elem><id>4711</id><ip>192.0.2.10</ip><domain>v1.example.test</domain><expiredate>daily charges</expiredate>"
    "<real_expiredate>2027-01-31</real_expiredate><billdaily>on</billdaily><datacenter>1</datacenter>"
    "<datacentername>FRA</datacentername><ostempl>Debian-12</ostempl><ipv6_subnet/><pricelist>VPS-2</pricelist>"
    "<pricelist_id>58</pricelist_id><intname>vds</intname><currency_str>RUB</currency_str>"
    '<createdate>2026-01-31</createdate><item_status orig="2">Active</item_status>'
    "<cost>127.50 RUB / month</cost><item_cost>1530.0000</item_cost></elem>"
)


async def test_a_row_of_a_live_panel(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(f"<p_elems>1</p_elems>{LIVE_ROW}"))
    (item,) = (await upstream.list_items("vds")).items
    assert (item.status, item.expires_on) == (UpstreamStatus.ACTIVE, date(2027, 1, 31))
    assert (item.tariff, item.tariff_id, item.cost) == ("VPS-2", "58", Money.of("1530.00", "RUB"))
    assert (item.period, item.mark) == ("", None)


@pytest.mark.parametrize(
    ("product_type", "inner", "name"),
    [
        ("vds", "<name>VPS-2</name><domain>v1.example.test</domain>", "v1.example.test"),
        ("vds", "<name>VPS-2</name>", ""),
        ("soft", "<name>L-1</name><licname>L-1001</licname>", "L-1001"),
        ("soft", "<domain>x.example.test</domain>", "x.example.test"),
        ("domain", "<name>example.test</name>", "example.test"),
        ("dedic", "<name>DS-1</name><domain>d1.example.test</domain>", "d1.example.test"),
        ("certificate", "<domain>www.example.test</domain><name>SSL</name>", "www.example.test"),
        ("certificate", "<common_name>www.example.test</common_name><name>SSL</name>", "www.example.test"),
    ],
)
async def test_name(panel: Panel, upstream: BillmanagerUpstream, product_type: str, inner: str, name: str) -> None:
    assert (await listed(panel, upstream, inner, product_type)).name == name


@pytest.mark.parametrize(
    ("product_type", "inner", "status"),
    [
        ("domain", "<domainstatus>2</domainstatus>", UpstreamStatus.ACTIVE),
        ("domain", "<domainstatus>3</domainstatus>", UpstreamStatus.ACTIVE),
        ("domain", "<domainstatus>0</domainstatus>", UpstreamStatus.DELETED),
        ("domain", "<domainstatus>9</domainstatus>", UpstreamStatus.UNKNOWN),
        ("domain", "<domainstatus>2</domainstatus><status>5</status>", UpstreamStatus.PROCESSING),
        ("certificate", "<service_status>3</service_status>", UpstreamStatus.PROCESSING),
        ("certificate", "<service_status>5</service_status>", UpstreamStatus.ACTIVE),
        ("vds", "<service_status>5</service_status>", UpstreamStatus.UNKNOWN),
    ],
)
async def test_a_status_of_its_own_counts_where_none_other_is_shown(
    panel: Panel, upstream: BillmanagerUpstream, product_type: str, inner: str, status: UpstreamStatus
) -> None:
    assert (await listed(panel, upstream, inner, product_type)).status is status


@pytest.mark.parametrize(
    ("product_type", "inner", "ready"),
    [
        ("soft", "<lickey>900123-ABCDEF</lickey>", "yes"),
        ("soft", "<lickey/>", "no"),
        ("soft", "", None),
        ("vds", "<lickey>900123-ABCDEF</lickey>", None),
    ],
)
async def test_of_a_key_it_is_told_whether_it_has_come(
    panel: Panel, upstream: BillmanagerUpstream, product_type: str, inner: str, ready: str | None
) -> None:
    panel.answers(doc(f"<elid>4711</elid>{inner}"))
    item = await upstream.read_item(product_type, "4711")
    assert item.raw.get("key_ready") == ready
    assert "ABCDEF" not in item.model_dump_json()


@pytest.mark.parametrize(("inner", "remoteid"), [("", None), ("<remoteid/>", ""), ("<remoteid>a</remoteid>", "a")])
async def test_remoteid(panel: Panel, upstream: BillmanagerUpstream, inner: str, remoteid: str | None) -> None:
    assert (await listed(panel, upstream, inner)).mark == remoteid


@pytest.mark.parametrize("answer", [refusal("missed", "elid"), refusal("missed", "item", value="4711")])
async def test_an_item_that_is_gone(panel: Panel, upstream: BillmanagerUpstream, answer: Answerer) -> None:
    panel.answers(answer)
    with pytest.raises(NoSuchItem, match="4711"):
        await upstream.read_item("vds", "4711")


@pytest.mark.parametrize("answer", [doc(), doc("<tparams/><metadata/>"), doc("<elid>4712</elid><status>2</status>")])
async def test_an_answer_that_is_not_the_form_of_the_item(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(answer)
    with pytest.raises(OutcomeUnknown):
        await upstream.read_item("vds", "4711")


async def test_an_unpaid_order_is_deleted_after_a_look(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<elid>4711</elid><status>1</status>"), doc("<ok/>"))
    await upstream.delete_unpaid("vds", "4711")
    assert panel.functions == ["vds.edit", "vds.delete"]
    fields = panel.requests[1].fields
    assert (fields["elid"], fields["sok"]) == ("4711", "ok")


@pytest.mark.parametrize("status", [0, 2, 3, 4, 5])
async def test_nothing_but_an_unpaid_order_is_deleted(panel: Panel, upstream: BillmanagerUpstream, status: int) -> None:
    panel.answers(doc(f"<elid>4711</elid><status>{status}</status>"))
    with pytest.raises(Rejected) as raised:
        await upstream.delete_unpaid("vds", "4711")
    assert (raised.value.field, raised.value.value) == ("status", str(status))
    assert panel.functions == ["vds.edit"]


async def test_an_unpaid_order_that_is_just_changing_is_not_deleted(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(doc("<elid>4711</elid><status>1</status><special_status>1</special_status>"))
    with pytest.raises(Rejected):
        await upstream.delete_unpaid("vds", "4711")
    assert panel.functions == ["vds.edit"]


async def test_a_deletion_that_asks_back_is_outcome_unknown(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<elid>4711</elid><status>1</status>"), doc('<elid>4711</elid><metadata type="form"/>'))
    with pytest.raises(OutcomeUnknown, match="form instead"):
        await upstream.delete_unpaid("vds", "4711")


@pytest.mark.parametrize(
    ("text", "told"),
    [("on", True), ("12", True), ("null", False), ("off", False), ("0", False), ("", None), ("Month", None),
     ("Не продлевать", None)],
)  # fmt: skip
def test_only_a_code_tells_whether_the_upstream_renews(text: str, told: bool | None) -> None:
    assert renews(text) is told


@pytest.mark.parametrize(
    ("inner", "words", "dead_end"),
    [
        ("<status>5</status><item_status>item_status_5_open</item_status>", "it is being opened", False),
        ("<status>5</status><item_status>item_status_service_nosuitable</item_status>", "nothing is in stock", True),
        ("<status>2</status><item_status>item_status_service_nosuitable</item_status>", "nothing is in stock", False),
        ("<status>5</status><item_status>item_status_5_somethingnew</item_status>", "", False),
        ("<status>5</status>", "", False),
    ],
)
async def test_the_cause_of_a_state_is_told_in_words(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, words: str, dead_end: bool
) -> None:
    item = await listed(panel, upstream, inner)
    assert (words in item.cause, bool(item.cause), item.dead_end) == (True, bool(words), dead_end)
