"""What an order of each product type must have, and what can be done to it afterwards."""

from contextlib import nullcontext
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from models.database import Database
from models.enums import OperationKind, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from models.product_types import PRODUCT_TYPES, Form
from orders.errors import InvalidField
from orders.lifecycle.intake import Details, ServiceRequest, accept_order, check_details
from orders.operations.registry import operation_type
from orders.services import keys, naming
from orders.services.forms import LONGEST, LONGEST_CSR, normal_form

CSR = "-----BEGIN CERTIFICATE REQUEST-----\nMIICijCCAXIC\nAQAwRTEL+/==\n-----END CERTIFICATE REQUEST-----\n"
CERTIFICATE: dict[str, Any] = {"domain": "shop.example", "parameters": {"approver_email": "admin@shop.example"}}


def details(product_type: str, **wanted: Any) -> Details:
    request = ServiceRequest.model_validate({"plan": "P", "period_months": 12, "customer": "c-1"} | wanted)
    return check_details(request, PRODUCT_TYPES[product_type], PlanMapping(plan_id=1, module_id=1, tariff="1"))


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("soft", {"parameters": {"ip": "192.0.2.300"}}, "parameters.ip"),
    ("certificate", {"parameters": CERTIFICATE["parameters"]}, "domain"),
    ("certificate", {**CERTIFICATE, "domain": "*.*.shop.example"}, "domain"),
    ("certificate", {"domain": "shop.example"}, "parameters.approver_email"),
    ("certificate", {**CERTIFICATE, "parameters": {"approver_email": "shop.example"}}, "parameters.approver_email"),
    (
        "certificate",
        {**CERTIFICATE, "parameters": {**CERTIFICATE["parameters"], "csr": "please"}},
        "parameters.csr",
    ),
    ("certificate", {**CERTIFICATE, "parameters": {**CERTIFICATE["parameters"], "ip": "192.0.2.1"}}, "parameters.ip"),
    ("domain", {}, "domain"),
    ("domain", {"domain": "*.shop.example"}, "domain"),
    ("domain", {"domain": "shop.example", "parameters": {"nameserver1": "ns1"}}, "parameters.nameserver1"),
    ("domain", {"domain": "shop.example", "parameters": {"nameserver1": "ns1.\nexample"}}, "parameters.nameserver1"),
    ("domain", {"domain": "shop.example", "parameters": {"owner": "Jane"}}, "parameters.owner"),
    ("vds", {"parameters": {"recipe": "a\nb"}}, "parameters.recipe"),
]


@pytest.mark.parametrize(("product_type", "wanted", "field"), REFUSED, ids=[f"{kind} {at}" for kind, _, at in REFUSED])
def test_what_is_not_right_is_refused_by_its_field(product_type: str, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        details(product_type, **wanted)
    assert refused.value.field == field


def test_what_is_right_is_taken() -> None:
    csr = {**CERTIFICATE, "parameters": {**CERTIFICATE["parameters"], "csr": CSR}}
    assert details("certificate", **csr).domain == "shop.example"
    assert details("certificate", **{**CERTIFICATE, "domain": "*.Bücher.example"}).domain == "*.xn--bcher-kva.example"
    name_servers = {"nameserver1": "ns1.example.net", "nameserver2": "ns2.example.net", "owner": "17"}
    assert details("domain", domain="shop.example", parameters=name_servers).domain == "shop.example"
    assert details("softexternal").domain is None
    assert details("colocation").domain is None


SPELLED = [
    ("domain", "nameserver1", " NS1.Bücher.example. ", "ns1.xn--bcher-kva.example"),
    ("domain", "owner", " 17 ", "17"),
    ("certificate", "approver_email", "Admin@Bücher.example.", "admin@xn--bcher-kva.example"),
    ("soft", "ip", " 2001:0DB8:0:0::1 ", "2001:db8::1"),
    ("soft", "ip", "::ffff:10.0.0.7", "10.0.0.7"),
]


@pytest.mark.parametrize(("product_type", "parameter", "given", "kept"), SPELLED, ids=[one[2] for one in SPELLED])
def test_a_value_is_kept_in_its_one_spelling(product_type: str, parameter: str, given: str, kept: str) -> None:
    named = {"domain": CERTIFICATE, "certificate": CERTIFICATE}.get(product_type, {})
    others = CERTIFICATE["parameters"] if product_type == "certificate" else {}
    found = details(product_type, **{**named, "parameters": {**others, parameter: given}})
    assert found.parameters[parameter] == kept


NOWHERE = [
    *("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"),
    *("::", "0.0.0.0", "0.1.2.3"),  # noqa: S104 - refused
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1:1::80ff:fffe", "fec0::1"),  # 6to4, Teredo, site-local
    *("224.0.0.1", "ff02::1", "169.254.1.1", "fe80::1", "fe80::1%eth0", "2001:db8::1%eth0"),
    *("240.0.0.1", "255.255.255.255"),
]


@pytest.mark.parametrize("address", NOWHERE)
def test_an_address_that_no_server_has_is_refused(address: str) -> None:
    with pytest.raises(InvalidField, match=r"no server is reached|on one machine only") as refused:
        details("soft", parameters={"ip": address})
    assert refused.value.field == "parameters.ip"


NO_MAILBOX = ["a@b@shop.example", "a b@shop.example", ".a@shop.example", "<a@shop.example", f"{'a' * 65}@shop.example",
              f"a@{'.'.join(['b' * 60] * 5)}", "a@localhost"]  # fmt: skip


@pytest.mark.parametrize("mail", NO_MAILBOX)
def test_what_is_no_mailbox_is_refused(mail: str) -> None:
    with pytest.raises(InvalidField) as refused:
        details("certificate", **{**CERTIFICATE, "parameters": {"approver_email": mail}})
    assert refused.value.field == "parameters.approver_email"


@pytest.mark.parametrize(
    ("owner", "licence", "taken"),
    [("shop", "900001", True), ("other", "900001", False), ("shop", "900002", False), (None, "900001", True)],
)
async def test_a_storefront_adds_modules_to_licences_of_its_own(
    shelf: Database, owner: str | None, licence: str, taken: bool
) -> None:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    sold = await accept_order(shelf, request, client="shop", key="1", hostname_suffix="s.internal", owner="shop")
    async with shelf.write() as session:
        (await session.get_one(Service, sold.service)).upstream_number = "900001"
        for plan in (await session.exec(select(TariffPlan))).all():
            plan.product_type = "addition"
    module = request.model_copy(update={"parameters": {"licence": licence}})

    words = f"parameters.licence: no service of {owner} is item {licence}"
    with nullcontext() if taken else pytest.raises(InvalidField, match=words):
        await accept_order(shelf, module, client="x", key="2", hostname_suffix="s.internal", owner=owner)


def test_what_was_bought_keeps_its_name() -> None:
    for product_type in ("certificate", "domain"):
        with pytest.raises(ValueError, match="keeps its name"):
            naming.check_new_name(PRODUCT_TYPES[product_type], "other.example")
    assert naming.check_new_name(PRODUCT_TYPES["vds"], "other.example") == "other.example"


def test_every_type_can_be_opened_prolonged_and_closed_and_every_form_is_checked() -> None:
    for kind in PRODUCT_TYPES.values():
        for always in (OperationKind.OPEN, OperationKind.PROLONG, OperationKind.CLOSE):
            assert kind.intname in operation_type(always).product_types
        assert not (kind.name.is_the_thing and kind.has_password)
    for form in Form:
        if form is not Form.CSR:
            with pytest.raises(ValueError, match="control character"):
                normal_form(form, "a\x00")


@pytest.mark.parametrize("form", list(Form))
def test_no_value_is_longer_than_anybody_s(form: Form) -> None:
    longest = LONGEST_CSR if form is Form.CSR else 18 if form is Form.NUMBER else LONGEST
    with pytest.raises(ValueError, match=f"has {longest + 1} characters; at most {longest} are possible"):
        normal_form(form, "1" * (longest + 1))
    if form in (Form.TEXT, Form.TEMPLATE, Form.NUMBER):
        assert normal_form(form, "1" * longest) == "1" * longest


async def test_licences_without_a_key_are_found_and_shown(database: Database) -> None:
    parameters = {"ip": "192.0.2.1"}
    wanted = ServiceRequest(plan="LIC-1", period_months=1, customer="c-1", parameters=parameters)
    order = await accept_order(database, wanted, client="shop", key="k-1", hostname_suffix="servers.internal")
    async with database.write() as session:
        first = await session.get_one(Service, order.service)
        first.upstream_number = "17"
        session.add(first)
        for number, form in (("17", {"key_ready": "no"}), ("18", {"key_ready": "yes"}), ("19", {})):
            snapshot = UpstreamSnapshot(
                account_id=1, product_type="soft", number=number, service_id=first.id, status=int(UpstreamStatus.ACTIVE)
            )
            snapshot.form = form
            session.add(snapshot)
    async with database.read() as session:
        [waiting] = await keys.awaited(session, 1)
        assert (waiting.product_type, waiting.upstream_number) == ("soft", "17")
        assert await keys.ready(session, [first]) == {first.id: False}
