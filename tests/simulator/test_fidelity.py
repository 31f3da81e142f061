"""The simulator's answers have the shapes that the panel's documentation and public clients show."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from tests.simulator.running import ORDER, PASSWORD, USER, Simulator

LICENCE = {
    "pricelist": "3541",
    "period": "1",
    "ip": "192.0.2.10",
    "licname": "L-1001",
    "project": "1",
    "pid": "1001",
    "remoteid": "l1001",
    "skipbasket": "on",
    "clicked_button": "finish",
    "sok": "ok",
}


def tags(node: Element) -> list[str]:
    return [child.tag for child in node]


def test_session_answer_carries_the_id_as_attribute_and_as_text(sim: Simulator) -> None:
    answer = sim.client.post(sim.url, data={"func": "auth", "username": USER, "password": PASSWORD, "out": "xml"})
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    auth = fromstring(answer.content).find("auth")
    assert auth is not None
    assert auth.attrib == {"id": auth.text, "level": "16"}
    assert answer.cookies["billmgrses5"] == auth.text


def test_session_answer_in_json(sim: Simulator) -> None:
    auth = sim.json("auth", username=USER, password=PASSWORD)["auth"]
    assert auth == {"$id": auth["$"], "$level": "16", "$": auth["$"]}


def test_whoami_in_json(sim: Simulator) -> None:
    doc = sim.json("whoami")
    assert list(doc) == ["user"]
    expected = {"$id": "77", "$email": "reseller@example.test", "$balance": "100.00 EUR", "$realname": "Reseller Ltd"}
    assert expected.items() <= doc["user"].items()


def test_dashboard_info_in_json(sim: Simulator) -> None:
    doc = sim.json("dashboard.info")
    (row,) = doc["elem"]
    assert row["id"] == {"$": "1"}
    assert row["balance"] == {"$": "100.00 EUR"}
    assert row["realname"] == {"$": "Reseller Ltd"}
    assert doc["p_elems"] == {"$": "1"}


def test_dashboard_info_in_sjson_wraps_every_value_in_an_array(sim: Simulator) -> None:
    doc = sim.json("dashboard.info", out="sjson")
    assert doc["elem"][0]["balance"][0]["$"] == "100.00 EUR"


def test_notify_marks_the_balance(sim: Simulator) -> None:
    items = sim.json("notify")["notify"]["item"]
    assert [item["value"]["$"] for item in items if item.get("$balance") == "yes"] == ["100.00 EUR"]


def test_error_envelope_in_xml(sim: Simulator) -> None:
    answer = sim.raw("soft.order.param", LICENCE, ip="10.0.0.300")
    assert answer.status_code == 200
    error = fromstring(answer.content).find("error")
    assert error is not None
    assert error.attrib == {"type": "value", "object": "ip", "code": "1", "lang": "en", "report": "no"}
    first, second = error.findall("param")
    assert (first.attrib, first.text) == ({"name": "object", "type": "msg", "msg": "IP address"}, "ip")
    assert (second.attrib, second.text) == ({"name": "value"}, "10.0.0.300")
    action = error.find("stack/action")
    assert action is not None
    assert (action.attrib, action.text) == ({"level": "16", "user": USER}, "soft.order.param")
    assert error.findtext("group") == "The field __object__ has an invalid value: __value__"
    assert error.findtext("msg") == "The field IP address has an invalid value: 10.0.0.300"


def test_error_envelope_in_json(sim: Simulator) -> None:
    error = sim.json("soft.order.param", LICENCE, ip="10.0.0.300")["error"]
    assert {"$type": "value", "$object": "ip", "$code": "1", "$lang": "en", "$report": "no"}.items() <= error.items()
    assert [(param["$name"], param["$"]) for param in error["param"]] == [("object", "ip"), ("value", "10.0.0.300")]
    assert error["msg"] == {"$": "The field IP address has an invalid value: 10.0.0.300"}


def test_a_single_error_param_is_a_bare_object_in_json(sim: Simulator) -> None:
    sim.set(whoami="access")
    error = sim.json("whoami")["error"]
    assert error["$type"] == "access"
    assert error["param"] == {"$name": "value", "$": "whoami"}


@pytest.mark.parametrize(("style", "shape"), [("string", str), ("object", dict)])
def test_error_in_bjson_stands_at_the_top(sim: Simulator, style: str, shape: type) -> None:
    sim.set(bjson_error_text=style)
    body = sim.json("vds.edit", out="bjson", elid="1")
    assert list(body) == ["error"]
    assert isinstance(body["error"]["msg"], shape)


def test_not_enough_money_says_how_much_is_missing(sim: Simulator) -> None:
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "1.00"})
    error = sim.xml("v2.vds.order.param", ORDER).find("error")
    assert error is not None
    assert error.get("type") == "not_enough_money"
    assert {param.attrib["name"]: param.text for param in error.findall("param")} == {
        "amount": "5.0000",
        "have": "1.00",
        "currency": "EUR",
        "deficit": "4.0000",
        "limit": "0.00",
        "reserved": "0.00",
        "available": "1.00",
    }


def test_list_in_xml(sim: Simulator) -> None:
    number = sim.order(domain="v1.example.test")
    sim.admin("PATCH", f"/items/{number}", {"expiredate": "2026-01-31"})
    doc = sim.xml("vds", out="xml")
    assert tags(doc) == ["tparams", "p_num", "p_cnt", "p_elems", "elem", "metadata"]
    params = doc.find("tparams")
    assert params is not None
    assert tags(params) == ["func", "out"], "the echo leaves the password out"
    assert [doc.findtext(name) for name in ("p_num", "p_cnt", "p_elems")] == ["1", "50", "1"]
    (row,) = sim.rows()
    expected = {
        "id": str(number),
        "name": "v1.example.test",
        "domain": "v1.example.test",
        "status": "2",
        "expiredate": "2026-01-31",
        "pricelist": "VPS-1",
        "cost": "5.00 EUR / Month",
        "item_cost": "5.0000",
    }
    assert expected.items() <= row.items()


def test_list_in_json_shows_one_row_bare_and_none_not_at_all(sim: Simulator) -> None:
    assert "elem" not in sim.json("vds")
    assert sim.json("vds")["p_elems"] == {"$": "0"}
    first = sim.order()
    assert sim.json("vds")["elem"]["id"] == {"$": str(first)}
    second = sim.order()
    assert [row["id"]["$"] for row in sim.json("vds")["elem"]] == [str(first), str(second)]
    assert sim.json("vds")["elem"][0]["item_status"] == {"$orig": "2", "$": "Active"}


def test_list_in_bjson_is_plain_strings(sim: Simulator) -> None:
    number = sim.order(domain="v1.example.test")
    (row,) = sim.json("vds", out="bjson")["elem"]
    assert (row["id"], row["domain"], row["status"]) == (str(number), "v1.example.test", "2")


def test_list_in_xjson_gives_text_twice(sim: Simulator) -> None:
    number = sim.order()
    assert sim.json("vds", out="xjson")["elem"]["id"] == {"$": str(number), "v": str(number)}


def test_words_follow_the_language(sim: Simulator) -> None:
    sim.order()
    assert sim.json("vds", lang="ru")["elem"]["item_status"] == {"$orig": "2", "$": "Активен"}


def test_form_in_xml(sim: Simulator) -> None:
    doc = sim.xml("vds.order.pricelist", period="1", out="xml")
    assert tags(doc)[-2:] == ["messages", "metadata"]
    assert doc.findtext("period") == "1"
    assert doc.find("p_elems") is None, "what has a total is a list"
    periods = doc.find("slist[@name='period']")
    assert periods is not None
    assert [value.attrib["key"] for value in periods] == ["1", "3", "6", "12", "24", "36"]
    rows = doc.findall("list[@name='tariflist']/elem")
    assert [(row.findtext("pricelist"), row.findtext("desc"), row.findtext("price")) for row in rows][:2] == [
        ("58", "VPS-1", "5.00 EUR"),
        ("59", "VPS-2", "10.00 EUR"),
    ]


def test_form_in_json(sim: Simulator) -> None:
    doc = sim.json("vds.order.param", pricelist="58", period="1", datacenter="1")
    lists = {entry["$name"]: entry for entry in doc["slist"]}
    assert lists["ostempl"]["val"][0] == {"$key": "Debian-12", "$valuegroup": "Linux", "$": "Debian-12"}
    tables = {entry["$name"]: entry for entry in doc["list"]}
    assert tables["total_summary"]["elem"]["cost"] == {"$": "5.00 EUR"}


def test_new_tariff_choice_lists_prices_per_period(sim: Simulator) -> None:
    doc = sim.json("v2.vds.order.pricelist")
    assert [value["$key"] for value in doc["slist"][0]["val"]] == ["1", "2"]
    tariff = doc["list"][0]["elem"][0]
    assert (tariff["id"]["$"], tariff["title"]["$"]) == ("58", "VPS-1")
    price = tariff["prices"]["price"][0]
    assert price == {"period": {"$": "1"}, "cost": {"$": "5.00"}, "currency": {"$": "EUR"}}


def test_licence_order_and_form_as_licence_resellers_read_them(sim: Simulator) -> None:
    number = sim.json("soft.order.param", LICENCE, out="bjson", lang="en", autoprolong="null")["id"]["v"]
    model = sim.json("soft.edit", elid=number, out="bjson")["model"]
    expected = {
        "id": number,
        "name": "L-1001",
        "licname": "L-1001",
        "ip": "192.0.2.10",
        "status": "2",
        "pricelist_name": "Panel Lite",
        "webdomains": "3",
    }
    assert expected.items() <= model.items()
    assert model["lickey"].startswith(number)


def test_licence_order_answers_with_the_id_in_xml(sim: Simulator) -> None:
    doc = sim.xml("soft.order.param", LICENCE, out="xml")
    assert (doc.findtext("id") or "").isdigit()


@pytest.mark.parametrize("func", ["v2.vds.order.param", "vds.order.param"])
@pytest.mark.parametrize(("knob", "tag"), [("id", "id"), ("item.id", "item.id"), ("none", None)])
def test_order_answers_name_the_service_as_the_panel_is_set(
    sim: Simulator, func: str, knob: str, tag: str | None
) -> None:
    sim.set(orders_return=knob)
    doc = sim.json(func, ORDER, period="1")
    (row,) = sim.rows()
    assert {name: doc[name]["$"] for name in ("id", "item.id") if name in doc} == ({tag: row["id"]} if tag else {})
    assert doc["ok"] == {"$type": "list", "$": "func=vds"}


def test_pricelist_export_is_open_to_anybody(sim: Simulator) -> None:
    doc = fromstring(sim.client.get(sim.url, params={"func": "pricelist.export", "itemtype": "soft"}).content)
    lite, pro = doc.findall("pricelist")
    assert (lite.findtext("id"), pro.findtext("id")) == ("3541", "3542")
    price = pro.find("price")
    assert price is not None
    assert price.attrib == {"currency": "EUR"}
    period = price.find("period")
    assert period is not None
    assert period.attrib == {"cost": "9.50", "type": "month", "length": "1"}


def test_pricelist_export_in_json(sim: Simulator) -> None:
    tariff = sim.json("pricelist.export", elid="58")["pricelist"]
    assert tariff["price"]["period"][0] == {"$cost": "5.00", "$type": "month", "$length": "1", "$": "month"}
    assert [(addon["id"]["$"], addon["intname"]["$"], addon["addontype"]["$"]) for addon in tariff["addon"]] == [
        ("61", "ram", "2"),
        ("62", "backup", "1"),
    ]
    templates = [value["intname"]["$"] for value in tariff["itemtypeparam"]["itemtypeparamvalue"]]
    assert templates == ["Debian-12", "Ubuntu-24.04"]


def test_subaccount_is_structured(sim: Simulator) -> None:
    row = sim.json("subaccount")["elem"]
    assert (row["balance"]["$"], row["currency"]["$"]) == ("100.00", "EUR")


def test_money_may_look_as_people_write_it(sim: Simulator) -> None:
    sim.admin("POST", "/accounts", {"name": "roubles", "password": "word", "balance": "1234.56", "currency": "RUB"})
    sim.set(money_style="local")
    assert sim.json("dashboard.info", authinfo="roubles:word")["elem"][0]["balance"]["$"] == "1\u00a0234,56\u00a0руб."
    assert sim.json("subaccount", authinfo="roubles:word")["elem"]["balance"]["$"] == "1\u00a0234,56"


def test_payments_and_expenses(sim: Simulator) -> None:
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    number = sim.order()
    payment = sim.json("payment")["elem"]
    assert payment["subaccountamount_iso"]["$"] == "9.00 EUR"
    assert payment["status"] == {"$orig": "4", "$": "Credited"}
    expense = sim.json("expense")["elem"]
    assert (expense["amount"]["$"], expense["intname"]["$"], expense["item"]["$"]) == ("5.00 EUR", "open", str(number))
    assert "elem" not in sim.json("expense", todate="2020-01-01")


def test_the_menu_names_the_product_types(sim: Simulator) -> None:
    nodes = sim.xml("menu").findall(".//node[@name='mainmenuservice']/node")
    assert [node.attrib["name"] for node in nodes] == [
        "vds",
        "vhost",
        "dedic",
        "soft",
        "softexternal",
        "certificate",
        "domain",
    ]


@pytest.mark.parametrize("mount", ["/billmgr", "/manager/billmgr", "/billmgr-api"])
def test_every_mount_answers_get_and_post(sim: Simulator, mount: str) -> None:
    params = {"authinfo": f"{USER}:{PASSWORD}", "func": "whoami"}
    assert "<user " in sim.client.get(sim.root + mount, params=params).text
    assert "<user " in sim.client.post(sim.root + mount, data=params).text
