"""Faults do to the connection, and to the order behind it, exactly what they say."""

from __future__ import annotations

import time
from xml.etree.ElementTree import ParseError

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from tests.infrastructure.eventually import wait_until
from tests.simulator.running import ORDER, Simulator

ORDERING = "v2.vds.order.param"


def orders_made(sim: Simulator) -> int:
    """Orders that were carried out: services and charges agree."""
    charges = len(sim.charges())
    assert len(sim.rows()) == charges
    return charges


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_cut_connection_gives_no_answer_at_all(sim: Simulator, kind: str, when: str, made: int) -> None:
    sim.fault(function=ORDERING, kind=kind, when=when, times=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        sim.raw(ORDERING, ORDER)
    assert orders_made(sim) == made
    sim.order()
    assert orders_made(sim) == made + 1


def test_a_reset_is_told_apart_from_a_cut(sim: Simulator) -> None:
    sim.fault(kind="reset", times=1)
    with pytest.raises(httpx.ReadError):
        sim.raw("whoami")
    sim.fault(kind="cut", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sim.raw("whoami")


def test_a_truncated_answer_ends_in_the_middle(sim: Simulator) -> None:
    sim.fault(function=ORDERING, kind="truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without"):
        sim.raw(ORDERING, ORDER)
    assert orders_made(sim) == 1


def test_a_stall_after_the_commit_outlasts_the_client(sim: Simulator) -> None:
    sim.fault(function=ORDERING, kind="stall", when="after", seconds=30, times=1)
    sim.client.timeout = httpx.Timeout(10, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        sim.raw(ORDERING, ORDER)
    sim.client.timeout = httpx.Timeout(10)
    assert orders_made(sim) == 1


def test_a_stall_before_the_commit_carries_the_order_out_when_the_client_is_long_gone(sim: Simulator) -> None:
    sim.fault(function=ORDERING, kind="stall", when="before", seconds=0.6, times=1)
    sim.client.timeout = httpx.Timeout(10, read=0.2)
    with pytest.raises(httpx.ReadTimeout):
        sim.raw(ORDERING, ORDER)
    sim.client.timeout = httpx.Timeout(10)
    assert orders_made(sim) == 0
    deadline = time.monotonic() + 5
    while not sim.charges() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert orders_made(sim) == 1


def test_a_stall_that_the_client_sits_out_ends_with_the_good_answer(sim: Simulator) -> None:
    sim.fault(function="whoami", kind="stall", seconds=0.2, times=1)
    assert sim.xml("whoami").find("user") is not None


@pytest.mark.parametrize(("kind", "made"), [("stall", 1), ("hang", 0)])
def test_a_stall_or_a_hang_may_last_until_the_fault_is_removed(sim: Simulator, kind: str, made: int) -> None:
    sim.fault(function=ORDERING, kind=kind, seconds=0.1, times=1, until_removed=True)
    sim.client.timeout = httpx.Timeout(10, read=0.5)
    with pytest.raises(httpx.ReadTimeout):
        sim.raw(ORDERING, ORDER)
    sim.client.timeout = httpx.Timeout(10)
    assert orders_made(sim) == 0
    sim.admin("DELETE", "/faults")
    if made:
        wait_until(lambda: orders_made(sim) == made, timeout=30)
    sim.raw("whoami")
    assert orders_made(sim) == made


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_hang_ends_with_a_closed_connection(sim: Simulator, when: str, made: int) -> None:
    sim.fault(function=ORDERING, kind="hang", when=when, seconds=0.1, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sim.raw(ORDERING, ORDER)
    assert orders_made(sim) == made


@pytest.mark.parametrize("kind", ["http_429", "http_503"])
def test_a_gateway_may_say_when_to_come_again(sim: Simulator, kind: str) -> None:
    sim.fault(kind=kind, retry_after="40", times=1)
    assert sim.raw("whoami").headers["retry-after"] == "40"
    sim.fault(kind=kind, times=1)
    assert "retry-after" not in sim.raw("whoami").headers


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("kind", "status", "needle"),
    [
        ("http_429", 429, "429 Too Many"),
        ("http_502", 502, "502 Bad Gateway"),
        ("http_503", 503, "503"),
        ("html", 200, "<!DOCTYPE html>"),
    ],
)
def test_what_stands_in_front_of_the_panel_answers_instead_of_it(
    sim: Simulator, kind: str, status: int, needle: str, when: str, made: int
) -> None:
    sim.fault(function=ORDERING, kind=kind, when=when, times=1)
    answer = sim.raw(ORDERING, ORDER)
    assert answer.status_code == status
    assert needle in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert orders_made(sim) == made


def test_an_unreadable_body_comes_with_status_200(sim: Simulator) -> None:
    sim.fault(kind="garbage", times=1)
    answer = sim.raw("whoami")
    assert answer.status_code == 200
    with pytest.raises(ParseError):
        fromstring(answer.content)


def test_a_chosen_error_comes_with_its_params(sim: Simulator) -> None:
    error = {"type": "pricelist_min_order", "object": "pricelist", "params": {"value": "3"}}
    sim.fault(function=ORDERING, kind="error", error=error, times=1)
    assert sim.error(ORDERING, ORDER) == ("pricelist_min_order", "pricelist")
    assert orders_made(sim) == 0


def test_a_fault_may_spare_quotes_and_hit_commits(sim: Simulator) -> None:
    sim.fault(function="*.order.param", kind="http_502", sok=True)
    assert sim.raw(ORDERING, ORDER, sok="-").status_code == 200
    assert sim.raw(ORDERING, ORDER).status_code == 502


def test_a_fault_hits_so_many_times_and_is_spent(sim: Simulator) -> None:
    sim.fault(function="whoami", kind="http_502", times=2, skip=1)
    assert [sim.raw("whoami").status_code for _ in range(4)] == [200, 502, 502, 200]
    (fault,) = sim.admin("GET", "/faults")["faults"]
    assert fault["hits"] == 2


def test_a_fault_may_hit_one_account_or_one_order_only(sim: Simulator) -> None:
    sim.fault(kind="http_502", account="other")
    assert sim.raw("whoami").status_code == 200
    assert sim.raw("whoami", authinfo="other:word").status_code == 502
    sim.admin("DELETE", "/faults")
    sim.fault(kind="http_502", parameters={"remoteid": "svc-7*"})
    assert sim.raw(ORDERING, ORDER, remoteid="svc-8").status_code == 200
    assert sim.raw(ORDERING, ORDER, remoteid="svc-71").status_code == 502


def test_a_fault_with_probability_hits_sometimes(sim: Simulator) -> None:
    sim.fault(function="whoami", kind="http_502", probability=0.5)
    statuses = [sim.raw("whoami").status_code for _ in range(60)]
    assert {200, 502} == set(statuses)


def test_faults_are_taken_away_one_by_one(sim: Simulator) -> None:
    first, second = sim.fault(function="whoami", kind="http_502"), sim.fault(function="whoami", kind="http_503")
    assert sim.raw("whoami").status_code == 502
    sim.admin("DELETE", f"/faults/{first}")
    assert sim.raw("whoami").status_code == 503
    sim.admin("DELETE", f"/faults/{second}")
    assert sim.raw("whoami").status_code == 200


def test_the_request_log_tells_what_a_fault_did(sim: Simulator) -> None:
    sim.fault(function=ORDERING, kind="http_502", when="after", times=1)
    sim.raw(ORDERING, ORDER)
    (entry,) = sim.admin("GET", f"/requests?func={ORDERING}")["requests"]
    assert entry["outcome"] == "fault:http_502:after (ok)"


def test_a_rewrite_is_the_good_answer_written_otherwise(sim: Simulator) -> None:
    headers = {"Content-Type": "text/plain", "X-More": "1"}
    spelled = [[r"<item\.id>(\d+)", r"<item.id>#\1"], ["^", "\n"]]
    sim.fault(
        function=ORDERING, kind="rewrite", rewrites=spelled, status=202, headers=headers, charset="utf-16", times=1
    )
    answer = sim.raw(ORDERING, ORDER)
    assert orders_made(sim) == 1
    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-more"]) == (202, "text/plain", "1")
    assert answer.content.decode("utf-16").startswith("\n<?xml")
    assert f"<item.id>#{sim.rows()[0]['id']}" in answer.content.decode("utf-16")


@pytest.mark.parametrize("wrong", [{"rewrites": [["(", ""]]}, {"charset": "klingon"}, {"status": 99}])
def test_a_rewrite_that_makes_no_sense_is_refused(sim: Simulator, wrong: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match=next(iter(wrong))):
        sim.fault(kind="rewrite", **wrong)
