"""A second factor leaves a log-in half open: every call succeeds, and nothing is done."""

from __future__ import annotations

import pytest

from tests.simulator.running import ORDER, PASSWORD, USER, Simulator

LEADS_ON = {"$type": "form", "$": "func=totp.confirm"}


@pytest.fixture
def two_factor(sim: Simulator) -> Simulator:
    sim.set(two_factor=True)
    return sim


def half_open(sim: Simulator) -> str:
    number: str = sim.json("auth", authinfo="-", username=USER, password=PASSWORD)["auth"]["$id"]
    sim.client.cookies.clear()
    return number


def test_a_half_open_session_succeeds_at_everything_and_does_nothing(two_factor: Simulator) -> None:
    session = half_open(two_factor)
    for func in ("vds", "whoami", "dashboard.info", "no.such.function"):
        assert two_factor.json(func, authinfo="-", auth=session) == {"ok": LEADS_ON}
    assert two_factor.json("v2.vds.order.param", ORDER, authinfo="-", auth=session) == {"ok": LEADS_ON}
    assert two_factor.charges() == []


def test_the_code_opens_a_new_session(two_factor: Simulator) -> None:
    session = half_open(two_factor)
    confirm = {"authinfo": "-", "auth": session, "sok": "ok"}
    assert two_factor.error("totp.confirm", confirm, qrcode="000000") == ("value", "qrcode")
    whole = two_factor.json("totp.confirm", confirm, qrcode="123456")["auth"]["$id"]
    two_factor.client.cookies.clear()
    assert whole != session
    assert "user" in two_factor.json("whoami", authinfo="-", auth=whole)
    assert two_factor.json("whoami", authinfo="-", auth=session) == {"ok": LEADS_ON}, "the first one stays half open"


@pytest.mark.parametrize(
    ("knob", "answer"), [("half_open", {"ok": LEADS_ON}), ("works", "user"), ("extraconfirm", "error")]
)
def test_a_one_off_login_does_as_the_panel_is_set(two_factor: Simulator, knob: str, answer: object) -> None:
    two_factor.set(two_factor_authinfo=knob)
    doc = two_factor.json("whoami")
    assert doc == answer if isinstance(answer, dict) else answer in doc
    if knob == "extraconfirm":
        assert doc["error"]["$type"] == "extraconfirm"


def test_a_session_may_be_asked_for_with_authinfo(sim: Simulator) -> None:
    session = sim.json("auth", authinfo=f"{USER}:{PASSWORD}")["auth"]["$id"]
    sim.client.cookies.clear()
    assert "user" in sim.json("whoami", authinfo="-", auth=session)
    assert sim.error("auth", authinfo=f"{USER}:wrong") == ("auth", "badpassword")
