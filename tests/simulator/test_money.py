"""Where the account's money is shown, and how what came in and went back is listed."""

from __future__ import annotations

from tests.simulator.running import USER, Simulator


def test_whoami_has_the_currency_beside_the_balance(sim: Simulator) -> None:
    user = sim.json("whoami")["user"]
    assert (user["$balance"], user["$currency"]) == ("100.00 EUR", "EUR")


def test_the_dashboard_tells_what_may_be_spent_and_how_long_it_lasts(sim: Simulator) -> None:
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "12.00", "credit_limit": "5.00", "reserved": "2.00"})
    body = {"account": USER, "type": "vds", "pricelist": 58, "cost": "9.00"}
    for day in ("2027-05-01", "2027-04-01"):
        sim.admin("POST", "/items", {**body, "expiredate": day})
    row = sim.json("dashboard.info", dashboard="info", sfrom="ajax")["elem"][0]
    shown = {name: row[name].get("$") for name in ("balance", "realbalance", "available", "enoughmoneyto")}
    assert shown == {
        "balance": "12.00 EUR",
        "realbalance": "12.00 EUR",
        "available": "15.00 EUR",
        "enoughmoneyto": "2027-05-01",
    }


def test_the_form_of_the_user_s_settings_shows_the_balance(sim: Simulator) -> None:
    assert sim.xml("usrparam").findtext("balance") == "100.00 EUR"
    sim.set(whoami="no_balance")
    assert sim.xml("usrparam").find("balance") is None


def test_a_payment_s_status_is_a_word_with_its_code_apart(sim: Simulator) -> None:
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    (row,) = sim.json("payment", out="bjson", lang="ru")["elem"]
    assert (row["status"], row["status_orig"], row["real_status"]) == ("Зачислен", "4", "4")


def test_money_that_goes_back_is_a_payment_with_another_number(sim: Simulator) -> None:
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    sim.admin("POST", f"/accounts/{USER}/pay-back", {"amount": "4.00"})
    assert sim.balance() == "105.00"
    came, went = sim.rows("payment")
    assert (came["number"].startswith("P/"), went["number"].startswith("return/")) == (True, True)
    assert went["subaccountamount_iso"] == "4.00 EUR"
