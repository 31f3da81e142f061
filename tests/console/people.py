"""People of the tests, and what they see: pages read by their tags."""

import re
from dataclasses import dataclass
from html import unescape

import httpx

from models.enums import Role
from orders.access import people
from tests.storefront.api import Api

PASSWORD = "correct horse battery"
CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
TAGS = re.compile(r"<[^>]+>")


@dataclass
class Browser:
    """Somebody with the cookie of a session."""

    name: str
    client: httpx.AsyncClient

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def csrf(self) -> str:
        found = CSRF.search(await self.page("me"))
        assert found
        return found[1]

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """A form of ours, with its token."""
        return await self.client.post(path, data={"csrf": await self.csrf(), **fields})


def client_of(api: Api) -> httpx.AsyncClient:
    """A browser that nobody has logged in with. Its cookie is that of a machine's own address."""
    return httpx.AsyncClient(base_url=f"{api.address}/console/", timeout=15, trust_env=False)


async def browser_of(api: Api, name: str, role: Role) -> Browser:
    await people.add(api.database, name, role, PASSWORD, actor="test", of_settings={})
    client = client_of(api)
    answer = await client.post("log-in", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return Browser(name, client)


def words(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(TAGS.sub(" ", page)).split())
