"""Who gets in, and what may stand in the way."""

from __future__ import annotations

import pytest

from tests.simulator.running import PASSWORD, USER, Simulator


def session(sim: Simulator) -> str:
    sid: str = sim.json("auth", authinfo="-", username=USER, password=PASSWORD)["auth"]["$id"]
    sim.client.cookies.clear()
    return sid


def test_a_password_may_contain_colons(sim: Simulator) -> None:
    assert ":" in PASSWORD
    assert sim.xml("whoami").find("user") is not None


@pytest.mark.parametrize("authinfo", [f"{USER}:wrong", "nobody:word", USER, ""])
def test_a_wrong_password_or_user_is_refused_alike(sim: Simulator, authinfo: str) -> None:
    assert sim.error("whoami", authinfo=authinfo) == ("auth", "badpassword")


def test_a_call_without_authentication_is_refused(sim: Simulator) -> None:
    assert sim.error("vds", authinfo="-") == ("auth", None)


def test_a_session_serves_as_parameter_and_as_cookie(sim: Simulator) -> None:
    sid = session(sim)
    assert sim.xml("whoami", authinfo="-", auth=sid).find("user") is not None
    sim.client.cookies.set("billmgrses5", sid)
    assert sim.xml("whoami", authinfo="-").find("user") is not None
    sim.client.cookies.clear()


def test_a_session_lives_an_hour_after_its_last_use(sim: Simulator) -> None:
    sid = session(sim)
    for _ in range(2):
        sim.admin("POST", "/clock", {"advance_seconds": 3500})
        assert sim.xml("whoami", authinfo="-", auth=sid).find("user") is not None
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert sim.error("whoami", authinfo="-", auth=sid) == ("auth", None)


def test_a_changed_password_ends_sessions(sim: Simulator) -> None:
    sid = session(sim)
    sim.admin("PATCH", f"/accounts/{USER}", {"password": "new"})
    assert sim.error("whoami", authinfo="-", auth=sid) == ("auth", None)
    assert sim.error("whoami") == ("auth", "badpassword")
    assert sim.xml("whoami", authinfo=f"{USER}:new").find("user") is not None


def test_a_login_key_works_once(sim: Simulator) -> None:
    key = "0123456789abcdef"
    assert sim.error("session.newkey", username=USER, key=key) == ("access", None), "a client may not make one"
    sim.admin("POST", f"/accounts/{USER}/login-key", {"key": key})
    sid = sim.json("auth", authinfo="-", username=USER, key=key)["auth"]["$id"]
    assert sim.xml("whoami", authinfo="-", auth=sid).find("user") is not None
    assert sim.error("auth", authinfo="-", username=USER, key=key) == ("auth", "badpassword")


def test_an_account_sees_only_its_own_services(sim: Simulator) -> None:
    number = sim.order()
    assert sim.rows(authinfo="other:word") == []
    assert sim.error("vds.edit", authinfo="other:word", elid=str(number)) == ("missed", "vds")


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"authinfo": "refused"}, ("authtype", "authinfo")),
        ({"extraconfirm": True}, ("extraconfirm", None)),
        ({"captcha": "error"}, ("captcha", "captcha")),
        ({"networks": ["192.0.2.0/24"]}, ("auth", "ip")),
        ({"networks": ["192.0.2.0/24"], "network_refusal": "access"}, ("access", None)),
    ],
)
def test_obstacles_refuse_a_good_password(
    sim: Simulator, knobs: dict[str, object], expected: tuple[str, str | None]
) -> None:
    sim.set(**knobs)
    assert sim.error("whoami") == expected


def test_an_address_inside_the_networks_gets_in(sim: Simulator) -> None:
    sim.set(networks=["127.0.0.0/8"])
    assert sim.xml("whoami").find("user") is not None


def test_an_anti_robot_page_stands_in_front_of_everything(sim: Simulator) -> None:
    sim.set(captcha="html")
    answer = sim.raw("whoami")
    assert answer.status_code == 200
    assert "captcha" in answer.text


@pytest.mark.parametrize("kind", ["missed", "access", "not_implemented"])
def test_an_unknown_function_is_an_error(sim: Simulator, kind: str) -> None:
    sim.set(unknown_function=kind)
    assert sim.error("no.such.function")[0] == kind


def test_balance_calls_can_be_closed_one_by_one(sim: Simulator) -> None:
    sim.set(subaccount="access", dashboard="access", whoami="no_balance", notify="no_balance")
    assert sim.error("subaccount") == ("access", None)
    assert sim.error("dashboard.info") == ("access", None)
    user = sim.xml("whoami").find("user")
    assert user is not None
    assert "balance" not in user.attrib
    assert "balance" not in sim.raw("notify").text
