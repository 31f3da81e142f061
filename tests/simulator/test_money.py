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


def _closed(sim: Simulator, **knobs: object) -> int:
    sim.set(opening_delay=0, **knobs)
    number = sim.order()
    sim.xml("vds.delete", elid=str(number), sok="ok")
    return number


def test_what_comes_back_for_a_closed_service_is_an_expense_below_zero(sim: Simulator) -> None:
    number = _closed(sim, refunds="expense", refund_percent=40)
    charged, back = sim.rows("expense")
    assert (charged["amount"], back["amount"], back["item"]) == ("5.00 EUR", "-2.00 EUR", str(number))
    assert sim.balance() == "97.00"
    sim.set(expense_sign="charges_below")
    assert [row["amount"] for row in sim.rows("expense")] == ["-5.00 EUR", "2.00 EUR"]


def test_what_comes_back_may_name_the_service_in_words_or_not_at_all(sim: Simulator) -> None:
    _closed(sim, refunds="expense", refunds_name="nothing")
    number = _closed(sim, refunds="payment", refunds_name="domain")
    back = sim.rows("expense")[1]
    assert (back["locale_name"], back.get("item")) == ("Refund", None)
    (payment,) = sim.rows("payment")
    name = sim.admin("GET", f"/items/{number}")["name"]
    assert (payment["number"][:7], payment["description"]) == ("return/", f"Refund {name}".strip())
    assert sim.balance() == "100.00"


def test_a_charge_is_lowered_or_gone(sim: Simulator) -> None:
    _closed(sim, refunds="reduced", refund_percent=40)
    _closed(sim, refunds="gone")
    assert [row["amount"] for row in sim.rows("expense")] == ["3.00 EUR"]
    assert sim.balance() == "97.00"


def test_money_comes_back_days_later(sim: Simulator) -> None:
    _closed(sim, refunds="expense", refund_delay=3 * 86400)
    assert (len(sim.rows("expense")), sim.balance()) == (1, "95.00")
    sim.admin("POST", "/clock", {"advance_days": 3.5})
    assert (len(sim.rows("expense")), sim.balance()) == (2, "100.00")


def test_staff_pay_back_in_another_currency(sim: Simulator) -> None:
    sim.set(opening_delay=0)
    number = sim.order()
    sim.admin("PATCH", f"/accounts/{USER}", {"currency": "USD", "balance": "0"})
    sim.admin("POST", f"/items/{number}/refund", {"amount": "1.10", "currency": "USD"})
    assert sim.rows("expense")[1]["amount"] == "-1.10 USD"
    assert sim.balance() == "95.00"


def test_lists_of_money_may_be_refused(sim: Simulator) -> None:
    sim.set(money_lists="access")
    assert [sim.error(name)[0] for name in ("expense", "payment")] == ["access", "access"]
