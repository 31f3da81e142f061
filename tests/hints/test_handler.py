"""The panel's handler, run as the panel would, against our API, with workers and the simulated upstream."""

import ast
import asyncio
import os
import socket
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlmodel import select

from activities.poller import schedule
from models.enums import ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.order import Service
from orders.events import hints
from tests.hints.conftest import Hinted, open_hinted
from tests.hints.sender import SECRET, send
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import PROJECT
from tests.infrastructure.temporal import TemporalServer

DIRECTORY = PROJECT / "deploy" / "billmanager"
HANDLER = DIRECTORY / "resellflow_hint.py"
NOTHING = b'<?xml version="1.0" encoding="UTF-8"?>\n<doc/>\n'


class Panel:
    """The machine of the upstream: its handler, and where it is configured."""

    def __init__(self, directory: Path, url: str, secret: str = SECRET) -> None:
        self.log = directory / "hint.log"
        self.configuration = directory / "hint.conf"
        text = (DIRECTORY / "resellflow_hint.conf").read_text(encoding="utf-8")
        for before, after in (
            ("https://api.reseller.example", url),
            ("CHANGE-ME", secret),
            ("/usr/local/mgr5/var/resellflow_hint.log", str(self.log)),
            ("log_sent = no", "log_sent = yes"),
        ):
            assert before in text
            text = text.replace(before, after)
        self.configuration.write_text(text, encoding="utf-8")

    async def event(self, given: bytes = b"", /, **environment: str) -> bytes:
        """Run the handler; what it answers. Whatever happens it ends well, and at once."""
        status, out, err = await self.run(given, **environment)
        assert (status, err) == (0, b"")
        return out

    async def run(self, given: bytes = b"", *arguments: str, **environment: str) -> tuple[int | None, bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", HANDLER, *arguments,
            env={"PATH": os.environ["PATH"], "RESELLFLOW_HINT_CONF": str(self.configuration), **environment},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(10):
            out, err = await process.communicate(given)
        return process.returncode, out, err

    async def logged(self, words: str) -> None:
        async def there() -> bool:
            return words in self.log.read_text(encoding="utf-8")

        await assert_eventually(there, ignoring=(OSError,), message=f"the log says {words!r}")


@pytest.fixture
def panel(hinted: Hinted, tmp_path: Path) -> Panel:
    return Panel(tmp_path, hinted.api.address)


async def changed(status: ServiceStatus, hinted: Hinted, panel: Panel, service: Service) -> None:
    """By staff of the upstream, whose panel tells it."""

    async def there() -> bool:
        return (await hinted.shop.service(service.id or 0)).status is status

    suspended = status is ServiceStatus.SUSPENDED
    await hinted.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 3 if suspended else 2})
    function = "service.postsuspend" if suspended else "service.postresume"
    form = f"func={function}&elid={service.upstream_number}&sok=ok".encode()
    assert await panel.event(form, REQUEST_METHOD="POST", CONTENT_LENGTH=str(len(form))) == NOTHING
    await assert_eventually(there, message=f"the service is {status.value}: the next look is an hour away")


@pytest.mark.proof
async def test_a_change_is_known_long_before_the_next_look(hinted: Hinted, panel: Panel, service: Service) -> None:
    for status in (ServiceStatus.SUSPENDED, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED):
        await changed(status, hinted, panel, service)
    # What lists tell (the expiry) is read from the list, which the form's news lead to.
    await hinted.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 2, "extend_months": 1})
    await panel.event(PARAM_func="service.postprolong", PARAM_elid=service.upstream_number or "")

    async def later() -> bool:
        now = await hinted.shop.service(service.id or 0)
        return now.status is ServiceStatus.ACTIVE and now.expires_on != service.expires_on

    await assert_eventually(later)


@pytest.mark.proof
async def test_an_order_that_waits_hears_of_a_hint(hinted: Hinted, panel: Panel) -> None:
    order = await hinted.order()
    number = (await hinted.shop.service(order.service)).upstream_number
    document = f"<doc><id>{number}</id><ok/></doc>".encode()
    assert await panel.event(document, PARAM_func="v2.vds.order.param", PARAM_sok="ok") == document, "given back"
    await hinted.shop.until(order, Stage.COMPLETED, timeout=30)


async def test_a_hint_that_comes_before_what_it_tells_of_is_looked_after(hinted: Hinted, service: Service) -> None:
    await assert_eventually(lambda: all_read(hinted))
    await send(hinted.api.stranger, {"number": service.upstream_number})
    await assert_eventually(lambda: all_read(hinted))
    await hinted.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 3})

    async def suspended() -> bool:
        return (await hinted.shop.service(service.id or 0)).status is ServiceStatus.SUSPENDED

    await assert_eventually(suspended)


async def all_read(hinted: Hinted) -> bool:
    async with hinted.shop.database.read() as session:
        return not await hints.unread(session, 1, 1)


async def test_an_item_that_nobody_knows_is_found_by_a_listing(
    hinted: Hinted, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "UNKNOWN_HINTS_SECONDS", 0.5)
    item = await hinted.upstream.bought_by_hand("new.example.com")
    await panel.event(QUERY_STRING=f"func=service.postopen&elid={item['id']}", REQUEST_METHOD="GET")

    async def seen() -> bool:
        async with hinted.shop.database.read() as session:
            found = await session.exec(select(UpstreamSnapshot).where(UpstreamSnapshot.number == str(item["id"])))
            return found.one_or_none() is not None

    await assert_eventually(seen)


@pytest.mark.proof
async def test_strangers_items_do_not_have_everything_listed_all_the_time(hinted: Hinted) -> None:
    before = len(await hinted.upstream.requests("vds"))
    for number in range(1, 6):
        assert (await send(hinted.api.stranger, {"number": str(number)})).status_code == 202
        await assert_eventually(lambda: all_read(hinted))
    assert len(await hinted.upstream.requests("vds")) - before <= 2


async def test_a_form_that_is_only_opened_is_no_news(panel: Panel) -> None:
    assert await panel.event(PARAM_func="vds.edit", PARAM_elid="17") == NOTHING
    await panel.event(PARAM_func="vds.edit", PARAM_elid="18, 19", PARAM_sok="ok")
    await panel.logged("sent: vds.edit 18, 19")
    assert "vds.edit 17" not in panel.log.read_text(encoding="utf-8")


async def test_the_panel_never_waits_for_us_and_never_fails(hinted: Hinted, panel: Panel, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        deaf = Panel(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        assert await deaf.event(PARAM_func="service.postopen", PARAM_elid="17") == NOTHING
        assert time.monotonic() - begun < 3, "the time-out is five seconds, and is not the panel's"
    other = Panel(tmp_path, hinted.api.address, secret="another secret, of no use here")
    assert await other.event(PARAM_func="service.postopen", PARAM_elid="17") == NOTHING
    await other.logged("HTTP 401")
    other.configuration.unlink()
    assert await other.event(b"\xff\x00", PARAM_func="service.postopen", PARAM_elid="17") == NOTHING


async def test_the_owner_of_the_panel_can_try_it(panel: Panel) -> None:
    assert await panel.run(b"", "--test", "17") == (0, b"taken: HTTP 202\n", b"")
    panel.configuration.write_text("[resellflow]\nurl = http://127.0.0.1:9\nupstream = main\n", encoding="utf-8")
    status, _, err = await panel.run(b"", "--test", "17")
    assert (status, b"lacks 'secret'" in err) == (1, True)


async def test_a_panel_with_the_handler_has_an_order_completed_without_being_asked(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulator runs the handler itself; our own intervals are a minute."""
    monkeypatch.setenv("RESELLFLOW_HINT_CONF", str(tmp_path / "hint.conf"))
    url = copy_of(migrated_sqlite_template, tmp_path)
    async with open_hinted(url, temporal_server, "--handler", str(HANDLER)) as hinted:
        panel = Panel(tmp_path, hinted.api.address)
        order = await hinted.shop.order()
        await hinted.shop.until(order, Stage.COMPLETED)
        await panel.logged("sent: service.postopen 900001")


def test_it_can_be_read_by_the_python_of_an_old_machine() -> None:
    ast.parse(HANDLER.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_registration_names_the_handler() -> None:
    handler = ElementTree.parse(DIRECTORY / "billmgr_mod_resellflow_hint.xml").find("handler")  # noqa: S314
    assert handler is not None
    assert handler.get("name") == HANDLER.name
    assert all(event.get("after") == "yes" for event in handler)
