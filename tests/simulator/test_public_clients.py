"""Public clients of live panels find what they expect: each makes its own calls, in its own format, and reads its way.

What they do is retold in our words from what is known of them; none of their code is here.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

import httpx
from defusedxml.ElementTree import fromstring

from tests.simulator.running import PASSWORD, USER, Simulator

V2 = {"pricelist": "58", "datacenter": "1", "order_period": "1"}
LICENCE = {
    "pricelist": "3541",
    "period": "1",
    "ip": "192.0.2.10",
    "licname": "L-1001",
    "remoteid": "l1001",
    "skipbasket": "on",
    "clicked_button": "finish",
    "sok": "ok",
}


def text(node: Any) -> str:
    """A field of ``json`` or ``xjson``."""
    return str(node.get("$", "")) if isinstance(node, dict) else ""


def log_in(sim: Simulator, **more: str) -> str:
    given = more or {"username": USER, "password": PASSWORD}
    number: str = sim.json("auth", {"authinfo": "-", **given})["auth"]["$id"]
    sim.client.cookies.clear()
    return number


# -- the Java service that resells servers from several panels


def test_the_java_reseller_reads_nested_prices_from_arrays(sim: Simulator) -> None:
    doc = sim.json("v2.vds.order.param", V2, out="xjson", addon_61="4")
    tables = {entry["$name"]: entry for entry in doc["list"]}
    (total,) = [tables["total_summary"]["elem"]]
    price = total["cost"]["price"]
    assert (text(total["label"]), text(price["cost"]), text(price["currency"])) == ("Total", "7.00", "EUR")
    assert {entry["$name"] for entry in doc["slist"]} >= {"order_period", "datacenter", "ostempl"}
    labels = doc["messages"]["msg"]
    assert [labels[field["$name"]] for field in doc["metadata"]["form"]["page"][0]["field"]] == [
        "RAM, GB",
        "Daily backup",
    ]


def test_the_java_reseller_orders_without_a_button_and_finds_the_order_by_its_mark(sim: Simulator) -> None:
    order = {**V2, "remoteid": "order-7", "autoprolong": "off", "skipbasket": "on", "sok": "ok"}
    number = text(sim.json("v2.vds.order.param", order, out="xjson")["item.id"])
    listed = sim.json("vds", out="xjson")["elem"]
    rows = listed if isinstance(listed, list) else [listed]
    assert [text(row["id"]) for row in rows if text(row["remoteid"]) == "order-7"] == [number]
    form = sim.json("vds.edit", out="xjson", elid=number)
    assert text(form["real_expiredate"]) == text(rows[0]["real_expiredate"])
    assert text(form["reboot"]) == "on"


def test_the_java_reseller_renews_and_restarts_past_the_cart(sim: Simulator) -> None:
    sim.set(prolong_cart="without_skipbasket")
    number = str(sim.order())
    renewed = sim.json("service.prolong", out="xjson", elid=number, period="1", skipbasket="on", sok="ok")
    assert text(renewed["doc"]["newexpiredate"])
    for func in ("service.stop", "service.start", "service.reboot"):
        assert "ok" in sim.json(func, out="xjson", elid=number, skipbasket="on", sok="ok")
    assert [charge["operation"] for charge in sim.charges()] == ["open", "prolong"]


def test_the_java_reseller_reads_the_cart(sim: Simulator) -> None:
    sim.json("v2.vds.order.param", V2, out="xjson", sok="ok")
    doc = sim.json("cart", out="xjson")
    assert (text(doc["total"]["cost"]), text(doc["total"]["count"])) == ("5.00", "1")
    (lineitems,) = [entry for entry in doc["list"] if entry["$name"] == "lineitems"]
    (row,) = lineitems["elem"]
    assert text(row["price"]["price"]["cost"]) == "5.00"
    assert text(row["main"]["period"]) == "Month"
    assert isinstance(row["configuration"]["elem"], list)
    assert isinstance(row["action"]["button"], list)


# -- the order scripts against one hoster


def test_the_order_scripts_find_their_mark_in_the_form(sim: Simulator) -> None:
    order = {**V2, "autoprolong": "off", "skipbasket": "on", "remoteid": "vm-3", "sok": "ok"}
    number = text(sim.json("v2.vds.order.param", order)["item.id"])
    form = sim.json("vds.edit", elid=number)
    assert (text(form["remoteid"]), text(form["autoprolong"])) == ("vm-3", "null")


# -- the generic client of the interface


def test_the_generic_client_finds_filters_paging_and_buttons_at_the_list_s_root(sim: Simulator) -> None:
    sim.order(domain="v1.example.test")
    sim.xml("vds.filter", domain="v1.example.test", sok="ok")
    doc = sim.xml("vds")
    assert [node.text for node in doc.findall("p_filter")] == ["Domain name = v1.example.test"]
    assert (doc.findtext("p_num"), doc.findtext("p_elems")) == ("1", "1")
    assert "edit" in [button.attrib["name"] for button in doc.iter("toolbtn")]


# -- the tracker whose data are rows of seven live panels


def test_the_tracker_maps_a_plain_row(sim: Simulator) -> None:
    sim.order(order_period="12", domain="v1.example.test")
    (row,) = sim.json("vds", out="bjson", lang="ru")["elem"]
    assert all(isinstance(value, str) for value in row.values())
    monthly = Decimal(re.sub(r"[^\d.]", "", row["cost"]))
    assert (monthly, row["cost"].split(" / ")[1]) == (Decimal("4.17"), "Месяц")
    assert (row["item_cost"], row["currency_str"], row["item_status_orig"]) == ("50.0000", "EUR", "2")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["real_expiredate"])
    assert (row["pricelist"], row["pricelist_id"], row["ostempl"]) == ("VPS-1", "58", "Debian-12")
    assert {"ip", "datacenter", "datacentername", "ipv6_subnet", "intname", "billdaily", "createdate"} <= set(row)


def test_the_tracker_reads_tariffs_of_every_data_centre_and_labels_of_addons(sim: Simulator) -> None:
    first = sim.json("vds.order", out="bjson", lang="ru")
    centres = [centre["k"] for centre in first["slist"]["datacenter"]]
    tariffs = {
        tariff["pricelist"]
        for centre in centres
        for tariff in sim.json("vds.order", out="bjson", datacenter=centre)["list"]["tariflist"]
        if tariff["order_available"] == "on"
    }
    assert tariffs == {"58", "59", "60"}
    form = sim.json("vds.edit", out="bjson", elid=str(sim.order()))
    labels = {entry["name"]: entry["msg"] for entry in form["messages"]}
    assert {labels[name] for name in form["model"] if re.fullmatch(r"addon_\d+", name)} == {"RAM, GB", "Daily backup"}


def test_the_tracker_reads_servers_of_a_sub_type_balance_and_payments(sim: Simulator) -> None:
    sim.set(server_list="vds.vps")
    number = str(sim.order())
    assert [row["id"] for row in sim.json("vds.vps", out="bjson")["elem"]] == [number]
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    (purse,) = sim.json("dashboard.info", out="bjson")["elem"]
    assert (purse["balance"], purse["available"]) == ("104.00 EUR", "104.00 EUR")
    assert sim.json("payment", out="bjson")["elem"][0]["status_orig"] == "4"


# -- the connector with two-factor login


def test_the_connector_confirms_its_session_with_a_code(sim: Simulator) -> None:
    sim.set(two_factor=True)
    half = log_in(sim)
    answer = sim.json("vds", authinfo="-", auth=half)
    assert (answer["ok"]["$type"], text(answer["ok"])) == ("form", "func=totp.confirm")
    whole = sim.json("totp.confirm", authinfo="-", auth=half, qrcode="123456", sok="ok")["auth"]["$id"]
    sim.client.cookies.clear()
    assert text(sim.json("vds", authinfo="-", auth=whole)["p_elems"]) == "0"


def test_the_connector_finds_the_sub_type_beside_the_empty_list(sim: Simulator) -> None:
    sim.set(server_list="vds.vps")
    number = str(sim.order())
    (services,) = [node for node in sim.json("menu")["mainmenu"]["node"] if node["$name"] == "mainmenuservice"]
    lists = [node["$action"] for node in services["node"] if node["$type"] == "list"]
    found = [name for name in lists if name.split(".")[0] == "vds"]
    assert found == ["vds", "vds.vps"]
    assert [text(doc["elem"]["id"]) for doc in map(sim.json, found) if "elem" in doc] == [number]


def test_the_connector_reads_refunds_and_credits(sim: Simulator) -> None:
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    sim.admin("POST", f"/accounts/{USER}/pay-back", {"amount": "4.00"})
    sim.raw("payment.filter", sok="ok", number="", status="", createdate="nodate", restrictrefund="null")
    listed = sim.json("payment", p_cnt="1000", p_num="1", lang="en")["elem"]
    signed = [
        Decimal(text(row["paymethodamount_iso"]).split()[0]) * (-1 if text(row["number"]).startswith("return") else 1)
        for row in listed
        if text(row["status"]) == "Credited"
    ]
    assert signed == [Decimal(9), Decimal(-4)]


def test_the_connector_clears_a_filter_that_somebody_left(sim: Simulator) -> None:
    sim.order(domain="v1.example.test")
    sim.admin("PATCH", f"/accounts/{USER}", {"filters": {"vds": {"status": "3"}}})
    assert "elem" not in sim.json("vds")
    assert text(sim.json("vds.filter")["domain"]) == "", "reading the form in json says nothing and changes nothing"
    sim.raw("vds.filter", sok="ok", domain="", status="", period="null", opendate="nodate")
    row = sim.json("vds")["elem"]
    assert (text(row["domain"]), text(row["autoprolong"])) == ("v1.example.test", "Month")


# -- the adapter that looks for its list in the menu


def test_the_menu_leads_to_the_list_of_servers(sim: Simulator) -> None:
    sim.set(server_list="vds.vps", types=["vds"], unknown_function="not_loaded")
    sim.order()

    def actions(nodes: list[dict[str, Any]]) -> list[str]:
        return [a for n in nodes for a in [n.get("$action", ""), *actions(n.get("node", []))] if a]

    found = actions(sim.json("menu")["mainmenu"]["node"])
    assert "vds.vps" in found
    assert "elem" in sim.json("vds.vps")
    assert "not loaded" in text(sim.json("vhost")["error"]["msg"])


def test_a_currency_may_be_lower_case(sim: Simulator) -> None:
    sim.set(currency_style="lower")
    user = sim.json("whoami")["user"]
    assert (user["$currency"].upper(), user["$balance"]) == ("EUR", "100.00 EUR")


# -- the dashboards of one hoster


def test_the_dashboard_logs_in_with_authinfo_and_reads_its_money(sim: Simulator) -> None:
    session = log_in(sim, authinfo=f"{USER}:{PASSWORD}")
    row = sim.json("dashboard.info", authinfo="-", auth=session, dashboard="info", sfrom="ajax")["elem"][0]
    assert {"balance", "realbalance", "available", "enoughmoneyto"} <= set(row)
    sim.admin("POST", f"/accounts/{USER}/pay-back", {"amount": "4.00"})
    payment = sim.json("payment", authinfo="-", auth=session)["elem"]
    assert text(payment["number"]).startswith("return/")
    assert payment["status"]["$orig"] == text(payment["real_status"]) == "4"


def test_the_dashboard_buys_an_instance_through_the_cart(sim: Simulator) -> None:
    sim.set(types=["instances"])
    session = log_in(sim)
    order = {
        "pricelist": "70",
        "datacenter": "1",
        "order_period": "-50",
        "autoprolong": "off",
        "force_use_new_cart": "on",
        "clicked_button": "order",
        "licence_agreement": "on",
        "use_ssh_key": "off",
        "sok": "ok",
    }
    lineitem = text(sim.json("v2.instances.order.param", order, authinfo="-", auth=session)["lineitem.id"])
    confirm = {"elid": lineitem, "paymethod_id": "0", "sok": "ok"}
    assert "error" not in sim.json("cartorder.create.confirm", confirm, authinfo="-", auth=session)
    row = sim.json("instances", authinfo="-", auth=session)["elem"]
    assert (row["item_status"]["$orig"], text(row["item_cost"])) == ("2", "0.2000")


def test_the_dashboard_puts_a_renewal_into_the_cart(sim: Simulator) -> None:
    number = str(sim.order())
    asked = sim.json("service.prolong", elid=number, period="1", clicked_button="basket", sok="ok")
    assert text(asked["billorder"])
    assert [charge["operation"] for charge in sim.charges()] == ["open"]


def test_the_dashboard_deletes_several_and_reads_two_numbers_from_the_refusal(sim: Simulator) -> None:
    sim.set(delete_needs_sok=False, delete="minimum_term")
    body = {"account": USER, "type": "dedic", "pricelist": 90}
    both = ", ".join(str(sim.admin("POST", "/items", body)["id"]) for _ in range(2))
    error = sim.json("dedic.delete", elid=both, lang="en")["error"]
    assert error["$type"] == "pricelist_min_order"
    least, left = (re.findall(r"\d+", part)[0] for part in text(error["msg"]).split(".")[:2])
    assert (least, left) == ("30", "30")
    sim.set(delete="allowed")
    assert "error" not in sim.json("dedic.delete", elid=both)
    assert {row["status"] for row in sim.rows("dedic")} == {"4"}


def test_the_dashboard_walks_a_domain_order_without_a_profile(sim: Simulator) -> None:
    order = {"pricelist": "510", "period": "12", "domain_name": "shop.example"}
    assert "select_domain_0" in sim.json("domain.order.name", order)
    assert {"owner_email", "admin_email", "tech_email", "bill_email"} <= set(sim.json("domain.order.contact", order))
    order |= {"owner_email": "o@shop.example", "ns0": "ns1.shop.example", "ns_additional": "", "sok": "ok"}
    assert text(sim.json("domain.order.ns", order)["ok"]) == "func=domain.order.payment"
    assert "error" not in sim.json("domain.order.payment", order, skipbasket="on")
    assert text(sim.json("domain.edit", elid=sim.rows("domain")[0]["id"])["service_profile_owner"])


# -- the adapter that only reads one hoster


def test_the_reading_adapter_takes_the_renewal_word_and_the_real_date(sim: Simulator) -> None:
    number = sim.order(autoprolong="on")
    sim.admin("PATCH", f"/items/{number}", {"billdaily": True})
    row = sim.json("vds", lang="en")["elem"]
    assert (text(row["autoprolong"]), text(row["expiredate"])) == ("Month", "daily charges")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", text(row["real_expiredate"]))


# -- the add-on that reads sjson


def test_the_addon_reads_objects_from_arrays_of_rows(sim: Simulator) -> None:
    sim.set(sjson_values="object")
    number = str(sim.order())
    (row,) = sim.json("vds", out="sjson")["elem"]
    assert (row["id"], row["item_status"]) == ({"$": number}, {"$orig": "2", "$": "Active"})
    assert sim.json("vds.edit", out="sjson", elid="1")["error"]["$type"] == "missed"


# -- modules that resell licences


def test_the_billing_modules_live_through_a_licence(sim: Simulator) -> None:
    """As the modules for two billing systems do: XML, one-off logins, no ``sok`` for switches."""
    number = sim.xml("soft.order.param", LICENCE, project="1", pid="1001").findtext("id") or ""
    key = sim.xml("soft.edit", elid=number).findtext("lickey")
    assert key
    assert sim.xml("soft.suspend", elid=number).find("error") is None
    assert sim.xml("soft.resume", elid=number).find("error") is None
    assert sim.xml("soft.edit", elid=number, ip="192.0.2.11", sok="ok").find("error") is None
    fresh = sim.xml("soft.edit", elid=number, clicked_button="newkey", sok="ok").findtext("lickey")
    assert fresh not in (None, "", key)
    assert sim.xml("service.prolong", elid=number, period="1", sok="ok").findtext("doc/newexpiredate")


def test_the_oldest_module_checks_the_address_first_and_speaks_in_queries(sim: Simulator) -> None:
    def ask(func: str, **params: str) -> Element:
        login = {"authinfo": f"{USER}:{PASSWORD}", "out": "xml", "func": func}
        found: Element = fromstring(sim.client.get(sim.root + "/manager/billmgr", params={**login, **params}).content)
        return found

    licence = {"pricelist": "3541", "period": "12", "ip": "192.0.2.10"}
    assert ask("soft.checkip", **licence).find("error/msg") is None
    order = {**licence, "clicked_button": "finish", "licname": "name", "sok": "ok", "skipbasket": "on"}
    assert ask("soft.order.param", **order).find("error/msg") is None
    assert ask("soft.checkip", **licence).findtext("error/msg")
    assert [(row["ip"], row["item_cost"]) for row in sim.rows("soft")] == [("192.0.2.10", "40.0000")]
    assert ask("service.prolong", sok="ok", period="12", elid="").findtext("error/msg")


def test_the_provisioning_provider_reads_plain_strings(sim: Simulator) -> None:
    order = {**LICENCE, "autoprolong": "null", "lang": "en"}
    number = sim.json("soft.order.param", order, out="bjson")["id"]["v"]
    model = sim.json("soft.edit", out="bjson", elid=number)["model"]
    assert (model["id"], model["status"], model["pricelist_name"]) == (number, "2", "Panel Lite")
    changed = sim.json("service.changepricelist", out="bjson", elid=number, pricelist="3542", period="1", sok="ok")
    assert "error" not in changed
    assert "error" not in sim.json("soft.delete", out="bjson", elid=number, sok="ok")
    assert sim.json("soft.edit", out="bjson", elid="1")["error"]["msg"]


# -- the crawler of price lists


def test_the_crawler_reads_prices_without_a_login(sim: Simulator) -> None:
    for mount in ("/billmgr", "/manager/billmgr"):
        answer = httpx.get(sim.root + mount, params={"func": "pricelist.export", "out": "xml"}, timeout=10)
        tariffs = fromstring(answer.content).findall("pricelist")
        prices = {node.findtext("id"): [period.attrib["cost"] for period in node.iter("period")] for node in tariffs}
        assert prices["58"][0] == "5.00"
