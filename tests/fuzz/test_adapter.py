"""An upstream that answers every call with anything: each call of the adapter ends, with a value or a typed error."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from random import Random

import pytest
from pydantic import SecretStr

from models.enums import UnpaidKind
from tests.fuzz.amount import FACTOR, at_once, drawn
from tests.fuzz.documents import document
from tests.fuzz.texts import SHOWN
from tests.upstreams.panel import PROLOG, Answerer, Panel, http
from upstreams import lease
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import UpstreamError
from upstreams.port import ListedRow, OrderSpec, UnusableRow

ROUNDS = 2
HANGS_AFTER_SECONDS = 20
TEXTS = (*SHOWN, "menu", "list", "form", "func=payment.add&billorder=77", "main", "17", "17", "4711", "4711", "EUR")
SPEC = OrderSpec(product_type="vds", tariff="58", location="1", period=1, name="v.example.test", mark="rf-1-7")
ERRORS = ("access", "auth", "badpassword", "exists", "missed", "value", "not_enough_money", "limit", "xml", "wait")


class Anything(dict[str, Answerer]):
    """Has an answer for every function."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw

    def get(self, key: str, default: object = None) -> Answerer:
        draw = self._draw
        body = document(draw, [draw.choice(TEXTS) for _ in range(12)])
        status = draw.choice((200, 200, 200, 200, 200, 200, 302, 403, 429, 500, 503))
        kind = draw.choice(("text/xml", "text/xml", "text/xml", "text/html", ""))
        match draw.randrange(10):
            case 0:
                body = body[: draw.randrange(len(body))]
            case 1 | 2:
                error = f'<error type="{draw.choice(ERRORS)}" object="{draw.choice(("id", "elid", "period", ""))}">'
                value = f"<param name='value'>{draw.choice(('17', '1e9'))}</param>"
                body = f"{PROLOG}<doc>{error}{value}</error></doc>".encode()
            case 3 | 4:
                body = body.replace(b"</doc>", b"<elem><id>17</id></elem><p_elems>1</p_elems></doc>", 1)
            case 5:
                body = body.replace(b"<doc", b"<doc><ok/><id>17</id", 1) if b"<doc>" in body[:5] else body
        return http(body, status, kind, Retry_After=draw.choice(("1", "-1", "x", "9" * 500)))


async def read_all(rows: Sequence[ListedRow], _total: int | None) -> None:
    for row in rows:
        try:
            row.item()
        except UnusableRow:
            continue


def calls(upstream: BillmanagerUpstream) -> list[Callable[[], Awaitable[object]]]:
    return [
        upstream.balance,
        lambda: upstream.check(("vds", "soft")),
        lambda: upstream.quote(SPEC),
        lambda: upstream.order(SPEC),
        lambda: upstream.walk_items("vds", read_all),
        lambda: upstream.list_items("domain"),
        lambda: upstream.newest_items("vds", 5),
        lambda: upstream.read_item("vds", "17"),
        lambda: upstream.delete_unpaid("vds", "17"),
        lambda: upstream.quote_prolong("vds", "17", 1),
        lambda: upstream.prolong("17", 1),
        lambda: upstream.suspend("vds", "17"),
        lambda: upstream.resume("vds", "17"),
        lambda: upstream.delete("vds", "17"),
        lambda: upstream.quote_plan_change("17", "59", 1),
        lambda: upstream.change_plan("17", "59", 1),
        lambda: upstream.quote_parameters("vds", "17", {"addon_61": "2"}),
        lambda: upstream.set_parameters("vds", "17", {"addon_61": "2"}),
        lambda: upstream.set_mark("vds", "17", "rf-1-7"),
        lambda: upstream.set_renewal("vds", "17", None),
        lambda: upstream.change_password("17", SecretStr("secret-1234")),
        lambda: upstream.read_licence_key("soft", "17"),
        lambda: upstream.new_licence_key("soft", "17"),
        lambda: upstream.read_cart(UnpaidKind.CART_ROW),
        lambda: upstream.read_cart(UnpaidKind.ORDER),
        lambda: upstream.confirm_cart(["17"]),
        lambda: upstream.pay("77"),
        lambda: upstream.expenses(date(2026, 3, 1)),
        lambda: upstream.remove_cart_row(UnpaidKind.CART_ROW, "17"),
    ]


CALLS = 29


@pytest.mark.timeout(120 * FACTOR)
async def test_whatever_an_upstream_answers_each_call_ends_with_a_value_or_a_typed_error() -> None:
    draw = drawn(__name__)
    panel = await Panel.start()
    panel.standing = Anything(draw)
    done = 0
    with lease.holding(lease.Lease.starting(lease.Clocks.now(), timedelta(hours=1))):
        for _ in range(ROUNDS * FACTOR):
            for place in range(CALLS):
                async with BillmanagerUpstream(panel.connection()) as upstream:  # whose gate knows nothing yet
                    every = calls(upstream)
                    assert len(every) == CALLS
                    call = every[place]
                    with suppress(UpstreamError), at_once():
                        async with asyncio.timeout(HANGS_AFTER_SECONDS):
                            await call()
                        done += 1
    await panel.stop()
    assert done >= ROUNDS * FACTOR, "something must be read of what was answered"
