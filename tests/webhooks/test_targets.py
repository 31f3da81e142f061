"""Where messages may go: judged by the address that is connected to."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from activities import webhooks as sender
from models.database import Database
from models.enums import DeliveryState
from orders.webhooks.targets import check_url
from tests.infrastructure.eventually import assert_eventually
from tests.webhooks.receiver import Receiver
from tests.webhooks.sender import add_endpoint, deliveries, delivery, sending, tell


@pytest.mark.parametrize(
    ("url", "private", "why"),
    [
        ("ftp://shop.example.com/", True, "not an address"),
        ("shop.example.com/hooks", True, "not an address"),
        ("https://shop.example.com:port/", True, "not an address"),
        ("https://user:secret@shop.example.com/", True, "user name"),
        ("http://shop.example.com/hooks", False, "plain http"),
        ("http://8.8.8.8/hooks", True, "public"),
        ("https://10.0.0.7/hooks", False, "private"),
        ("https://100.64.0.7/hooks", False, "private"),
        ("https://[fd12::7]/hooks", False, "private"),
        ("https://[::1]/hooks", False, "private"),
        ("https://[::ffff:127.0.0.1]/hooks", False, "private"),
        ("https://[64:ff9b::10.0.0.7]/hooks", False, "private"),
        ("https://metadata.google.internal./hooks", True, "no host of a receiver"),
        ("https://Instance-Data/hooks", True, "no host of a receiver"),
    ],
)
def test_an_address_that_messages_may_not_go_to_is_refused(url: str, private: bool, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_url(url, private=private)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "169.254.169.254",
        "192.0.0.192",
        "192.88.99.1",
        "168.63.129.16",
        "100.100.100.200",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::8.8.8.8]",
        "[::ffff:169.254.169.254]",
        "[::ffff:0:8.8.8.8]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b::168.63.129.16]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[2002:a9fe:a9fe::1]",
        "[2002:808:808::1]",
        "[3ffe::1]",
        "[4000::1]",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:42::42]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
@pytest.mark.parametrize("private", [True, False])
def test_where_nobody_gets_messages_none_goes_whatever_is_allowed(host: str, private: bool) -> None:
    with pytest.raises(ValueError, match="no address of a receiver"):
        check_url(f"https://{host}/hooks", private=private)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://shop.example.com:8443/hooks?of=resellflow", False),
        ("https://8.8.8.8/hooks", False),
        ("https://[2a00:1450:4001:800::200e]/hooks", False),
        ("https://[64:ff9b::8.8.8.8]/hooks", False),
        ("http://shop.internal/hooks", True),
        ("http://[::1]:8080/hooks", True),
        ("http://[fd12:3456::7]/hooks", True),
        ("http://192.168.1.7/hooks", True),
        ("http://100.64.0.7/hooks", True),
    ],
)
def test_an_address_that_messages_may_go_to_is_taken_as_it_is(url: str, private: bool) -> None:
    assert check_url(url, private=private) == url


class Names:
    """Answers of a name server, in turn; the last one for ever. Counts how often it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers: Iterator[list[str]] = iter(answers)
        self._latest: list[str] = []
        self.asked = 0

    async def getaddrinfo(self, _host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.asked += 1
        self._latest = next(self._answers, self._latest)
        return [(0, 0, 0, "", (address, port)) for address in self._latest]


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(sender, "BUSY_INTERVAL_SECONDS", 0.02)


async def test_a_name_that_means_something_else_a_moment_later_leads_nowhere(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    await add_endpoint(database, f"http://shop.test:{urlsplit(receiver.url).port}/hooks")
    await tell(database, 1)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    async with sending(database, webhook_retry_delays=[]):
        await assert_eventually(lambda: len(receiver.received) == 1)
        assert names.asked == 1, "what was judged is what is connected to"
        await tell(database, 2)

        async def given_up() -> str:
            ended = [one.number for one in await deliveries(database) if one.state is DeliveryState.GIVEN_UP]
            assert len(ended) == 1
            return (await delivery(database, ended[0])).log[0].error or ""

        assert "169.254.169.254 is no address of a receiver" in await assert_eventually(given_up)
    assert len(receiver.received) == 1


async def test_every_address_of_a_name_is_judged(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["127.0.0.1", "fec0::1"])
    await add_endpoint(database, f"http://shop.test:{urlsplit(receiver.url).port}/hooks")
    await tell(database, 1)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    async with sending(database, webhook_retry_delays=[]):

        async def given_up() -> bool:
            return [one.state for one in await deliveries(database)] == [DeliveryState.GIVEN_UP]

        await assert_eventually(given_up)
    assert receiver.received == []
