"""Knobs that change one small thing, each both ways."""

from __future__ import annotations

import pytest

from tests.simulator.running import ORDER, PASSWORD, USER, Simulator

ORDERING = "v2.vds.order.param"
LICENCE = {"pricelist": "3541", "period": "1", "ip": "192.0.2.1", "licname": "L-1", "skipbasket": "on", "sok": "ok"}


@pytest.mark.parametrize(("knob", "tag"), [("id", "id"), ("item.id", "item.id"), ("none", None)])
def test_a_licence_order_names_the_service_as_the_panel_is_set(sim: Simulator, knob: str, tag: str | None) -> None:
    sim.set(licence_orders_return=knob)
    answer = sim.xml("soft.order.param", LICENCE)
    assert [child.tag for child in answer if child.tag in ("id", "item.id")] == ([tag] if tag else [])


@pytest.mark.parametrize(("knob", "refused"), [("refuse", True), ("ignore", False)])
def test_an_addon_of_another_tariff(sim: Simulator, knob: str, *, refused: bool) -> None:
    sim.set(unknown_addon=knob)
    assert (sim.xml(ORDERING, ORDER, addon_71="4").find("error") is not None) is refused
    assert len(sim.charges()) == (0 if refused else 1)


@pytest.mark.parametrize(("knob", "renewal"), [("period", "1"), ("off", "null")])
def test_an_order_that_says_nothing_of_its_renewal(sim: Simulator, knob: str, renewal: str) -> None:
    sim.set(default_autoprolong=knob)
    assert sim.admin("GET", f"/items/{sim.order()}")["autoprolong"] == renewal


@pytest.mark.parametrize(
    ("knob", "renewed", "not_renewed"),
    [("word", "Month", "Disabled"), ("empty_when_off", "Month", ""), ("absent", None, None)],
)
def test_how_lists_show_who_renews(sim: Simulator, knob: str, renewed: str | None, not_renewed: str | None) -> None:
    sim.set(autoprolong_in_lists=knob, default_autoprolong="period")
    number = sim.order()
    assert sim.rows()[0].get("autoprolong") == renewed
    sim.admin("PATCH", f"/items/{number}", {"autoprolong": "null"})
    assert sim.rows()[0].get("autoprolong") == not_renewed


def test_terms_may_have_to_be_accepted(sim: Simulator) -> None:
    assert sim.order()
    sim.set(licence_agreement_required=True)
    assert sim.error(ORDERING, ORDER) == ("value", "licence_agreement")
    assert sim.order(licence_agreement="on")


def test_amounts_may_have_a_plain_twin(sim: Simulator) -> None:
    sim.order()
    assert "cost_iso" not in sim.rows()[0]
    sim.set(money_iso_columns=True, money_style="local")
    (row,) = sim.rows()
    assert (row["cost"], row["cost_iso"]) == ("5,00\u00a0€ / Month", "5.00 EUR")
    assert sim.rows("subaccount")[0]["balance_iso"] == "95.00 EUR"


def test_a_session_may_live_for_a_minute_only(sim: Simulator) -> None:
    sim.set(session_minutes=1)
    session = sim.json("auth", authinfo="-", username=USER, password=PASSWORD)["auth"]["$id"]
    sim.client.cookies.clear()
    assert "user" in sim.json("whoami", authinfo="-", auth=session)
    sim.admin("POST", "/clock", {"advance_seconds": 61})
    assert sim.error("whoami", authinfo="-", auth=session) == ("auth", None)


def test_a_client_may_be_allowed_to_make_a_login_key(sim: Simulator) -> None:
    key = {"username": USER, "key": "0123456789abcdef"}
    assert sim.error("session.newkey", key) == ("access", None)
    sim.set(session_newkey="allowed")
    assert sim.xml("session.newkey", key).find("ok") is not None
    assert sim.xml("auth", {"authinfo": "-", **key}).find("auth") is not None


@pytest.mark.parametrize(("knob", "shown"), [("shown", ("4", True)), ("absent", ("2", False))])
def test_a_form_may_tell_what_other_addons_would_cost(sim: Simulator, knob: str, shown: tuple[str, bool]) -> None:
    sim.set(change_quote=knob)
    form = sim.xml("vds.edit", elid=str(sim.order()), addon_61="4")
    assert (form.findtext("addon_61"), "Total: 2.00 EUR" in (form.findtext("orderinfo") or "")) == shown
    assert len(sim.charges()) == 1


@pytest.mark.parametrize("reason", ["employeesuspend", "autosuspend", "abusesuspend"])
def test_a_client_s_own_suspension_may_show_any_reason(sim: Simulator, reason: str) -> None:
    sim.set(client_suspend_reason=reason)
    elid = str(sim.order())
    sim.xml("vds.suspend", elid=elid)
    assert sim.rows()[0]["status_msg"] == f"item_status_3_{reason}"
    refused = sim.xml("vds.resume", elid=elid).find("error") is not None
    assert refused is (reason == "abusesuspend")


def test_an_account_may_be_locked_after_some_refused_logins(sim: Simulator) -> None:
    sim.set(login_lock=2, login_lock_minutes=1)
    for _ in range(2):
        assert sim.error("whoami", authinfo=f"{USER}:wrong") == ("auth", "badpassword")
    assert sim.error("whoami") == ("auth", "badpassword")
    sim.admin("POST", "/clock", {"advance_seconds": 59})
    assert sim.error("whoami") == ("auth", "badpassword"), "each try begins the wait anew"
    sim.admin("POST", "/clock", {"advance_seconds": 61})
    assert "user" in sim.json("whoami")
