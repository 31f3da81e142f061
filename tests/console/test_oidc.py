"""People log in by an OpenID provider; whatever the provider or somebody else gets wrong lets nobody in."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock  # type: ignore[import-untyped]
import pytest
from joserfc.jwk import OctKey, RSAKey
from sqlmodel import select

from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import Role
from models.people import Person
from orders.access import people
from settings import Settings, settings_in_words
from tests.console.people import CSRF, PASSWORD, client_of, words
from tests.console.providers import CLIENT, Crooked, crooked
from tests.infrastructure.databases import copy_of
from tests.storefront.api import Api, client_of_nothing, stocked_api

ROLES = {"shop-admins": Role.SENIOR, "watchers": Role.VIEWER}
SECRET = "s3cret-of-the-console-for-tests"
CONSOLE = "http://127.0.0.1/console"


def configured(issuer: str) -> dict[str, Any]:
    return {
        "console_url": CONSOLE,
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": ROLES,
        "oidc_label": "Keycloak",
    }


@pytest.fixture
def provider() -> Iterator[Crooked]:
    with crooked() as found:
        yield found


@pytest.fixture
async def api(provider: Crooked, tmp_path: Path, migrated_sqlite_template: Path) -> AsyncIterator[Api]:
    url = copy_of(migrated_sqlite_template, tmp_path)
    async with stocked_api(url, await client_of_nothing(), **configured(provider.address)) as running:
        yield running


async def begin(client: httpx.AsyncClient, provider: Crooked, wanted: str = "") -> dict[str, str]:
    """To the provider: what the browser brings there."""
    answer = await client.get("oidc", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    sent = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    provider.nonce = sent["nonce"]
    return sent


async def come_back(client: httpx.AsyncClient, state: str, **more: str) -> httpx.Response:
    return await client.get("oidc/answer", params={"code": "c", "state": state, **more})


async def refused(client: httpx.AsyncClient, state: str, status: int, said: str, **more: str) -> None:
    answer = await come_back(client, state, **more)
    assert (answer.status_code, said in words(answer.text)) == (status, True), words(answer.text)
    assert (await client.get("")).status_code == 303, "nobody is logged in"


async def test_somebody_of_a_real_provider_logs_in_and_out(tmp_path: Path, migrated_sqlite_template: Path) -> None:
    petra = oidc_provider_mock.User(sub="17", claims={"preferred_username": "petra", "groups": ["watchers"]})
    with oidc_provider_mock.run_server_in_thread(user_claims=[petra]) as server:
        issuer = f"http://localhost:{server.server_port}"
        url = copy_of(migrated_sqlite_template, tmp_path)
        async with stocked_api(url, await client_of_nothing(), **configured(issuer)) as api, client_of(api) as client:
            page = await client.get("log-in", params={"next": "operations/7"})
            assert "Log in by Keycloak" in words(page.text)
            sent = await client.get("oidc", params={"next": "operations/7"})
            async with httpx.AsyncClient(trust_env=False) as browser:
                back = await browser.post(sent.headers["location"], data={"sub": "17"})
            assert back.status_code in {302, 303}, back.text
            assert back.headers["location"].startswith(f"{CONSOLE}/oidc/answer?")
            entered = await client.get(f"oidc/answer?{urlsplit(back.headers['location']).query}")
            assert entered.headers["location"] == "../entered?next=operations%2F7"
            home = await client.get("me")
            assert "petra" in words(home.text)
            assert "secure" not in entered.headers["set-cookie"].lower()  # on the machine's own address
            assert "httponly" in entered.headers["set-cookie"].lower()
            csrf = CSRF.search(home.text)
            assert csrf
            assert (await client.post("log-out", data={"csrf": csrf[1]})).status_code == 303
            assert (await client.get("me")).status_code == 303
            again = await client.get(f"oidc/answer?{urlsplit(back.headers['location']).query}")
            assert again.status_code == 400, "an answer serves once"


async def test_the_role_comes_with_each_login_and_a_disabled_person_stays_out(api: Api, provider: Crooked) -> None:
    async with client_of(api) as client:
        sent = await begin(client, provider, "tasks")
        assert sent["code_challenge_method"] == "S256"
        assert (await come_back(client, sent["state"])).headers["location"] == "../entered?next=tasks"
        hashed = hashlib.sha256(provider.asked[0]["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() == sent["code_challenge"]
        assert (await come_back(client, sent["state"])).status_code == 400, "a state serves once"
        assert (await person(api)).role is Role.SENIOR
        provider.change = lambda claims: claims | {"groups": "watchers", "preferred_username": "petra.k"}
        await come_back(client, (await begin(client, provider))["state"])
        now = await person(api)
        assert (now.name, now.role, now.id) == ("petra.k", Role.VIEWER, 1)
        async with api.database.read() as session:
            found = await session.exec(select(AuditEntry).where(AuditEntry.subject == "person"))
            assert [one.action for one in found.all()] == ["added", "logged_in", "role_changed", "logged_in"]
    await people.set_disabled(api.database, "petra.k", True, actor="boss")
    async with client_of(api) as client:
        await refused(client, (await begin(client, provider))["state"], 403, "You are disabled here")
        answer = await client.post("log-in", data={"name": "petra.k", "password": ""})
        assert answer.status_code == 401, "there is no password"


async def person(api: Api) -> Person:
    async with api.database.read() as session:
        return (await session.exec(select(Person))).one()


FURTHER_DEPARTMENTS: list[tuple[object, str]] = [
    ("support", "support"), ([], ""), (None, ""), ("x" * 65, ""), ("a\nb", ""),
]  # fmt: skip
LONG = [pytest.param(*one, marks=pytest.mark.proof) for one in FURTHER_DEPARTMENTS]


@pytest.mark.parametrize(("said", "kept"), [(["sales", "support"], "sales"), (7, ""), *LONG])
async def test_the_department_comes_with_each_login_where_it_is_asked_for(
    provider: Crooked, tmp_path: Path, migrated_sqlite_template: Path, said: object, kept: str
) -> None:
    url = copy_of(migrated_sqlite_template, tmp_path)
    asked = {**configured(provider.address), "oidc_department_claim": "department"}
    async with stocked_api(url, await client_of_nothing(), **asked) as api, client_of(api) as client:
        provider.change = lambda claims: claims | {"department": "support"}
        await come_back(client, (await begin(client, provider))["state"])
        assert (await person(api)).department == "support"
        provider.change = lambda claims: claims | {"department": said}
        await come_back(client, (await begin(client, provider))["state"])
        assert (await person(api)).department == kept
        shown = words((await client.get("tasks?show=ours")).text)
        assert ("It comes from the OpenID provider" in shown) is not bool(kept)


async def test_a_department_that_was_given_here_stays_where_the_provider_is_not_asked(
    api: Api, provider: Crooked
) -> None:
    provider.change = lambda claims: claims | {"department": "sales"}
    async with client_of(api) as client:
        await come_back(client, (await begin(client, provider))["state"])
        await people.change_department(api.database, "petra", "support", actor="ann")
        await come_back(client, (await begin(client, provider))["state"])
        assert (await person(api)).department == "support"


LATER = {"exp": 1, "iat": 0}
LIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another issuer": lambda claims: claims | {"iss": "http://127.0.0.1:1"},
    "another client": lambda claims: claims | {"aud": "somebody"},
    "also another client": lambda claims: claims | {"aud": [CLIENT, "somebody"]},
    "by another client": lambda claims: claims | {"azp": "somebody"},
    "expired": lambda claims: claims | {"exp": int(utc_now().timestamp()) - 120},
    "without an end": lambda claims: {name: value for name, value in claims.items() if name != "exp"},
    "not yet": lambda claims: claims | {"nbf": int(utc_now().timestamp()) + 3600},
    "another nonce": lambda claims: claims | {"nonce": "replayed"},
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "no name": lambda claims: {name: value for name, value in claims.items() if name != "preferred_username"},
    "no subject": lambda claims: {name: value for name, value in claims.items() if name != "sub"},
}


@pytest.mark.parametrize(
    "lie",
    [pytest.param(lie, marks=[pytest.mark.proof] if number % 3 else []) for number, lie in enumerate(LIES)],
)
async def test_a_token_that_is_wrong_lets_nobody_in(api: Api, provider: Crooked, lie: str) -> None:
    provider.change = LIES[lie]
    async with client_of(api) as client:
        state = (await begin(client, provider))["state"]
        await refused(client, state, 502, "what it said can not be trusted")
        provider.change = lambda claims: claims
        await refused(client, state, 400, "was not begun here")  # the state is used up


async def test_a_signature_of_somebody_else_lets_nobody_in(api: Api, provider: Crooked) -> None:
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    async with client_of(api) as client:
        await refused(client, (await begin(client, provider))["state"], 502, "can not be trusted")
        provider.signs_with, provider.kid = None, "unknown"
        await refused(client, (await begin(client, provider))["state"], 502, "can not be trusted")


async def test_a_signature_with_the_clients_secret_lets_nobody_in(api: Api, provider: Crooked) -> None:
    provider.algorithm = "HS256"
    provider.signs_with = OctKey.import_key(SECRET)  # type: ignore[assignment]  # not what a provider should sign with
    async with client_of(api) as client:
        await refused(client, (await begin(client, provider))["state"], 502, "can not be trusted")


async def test_a_state_that_is_not_ours_lets_nobody_in(api: Api, provider: Crooked) -> None:
    async with client_of(api) as client, client_of(api) as other:
        state = (await begin(client, provider))["state"]
        await refused(client, "x", 400, "was not begun here")
        await refused(other, state, 400, "was not begun here")
        state = (await begin(client, provider))["state"]
        await refused(client, state, 403, "The provider did not let you in", error="access_denied")


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([], marks=pytest.mark.proof),
        ["others"],
        pytest.param("", marks=pytest.mark.proof),
        pytest.param(None, marks=pytest.mark.proof),
        [7, {"a": 1}],
        pytest.param("shop-admins,watchers", marks=pytest.mark.proof),
    ],
)
async def test_who_is_in_no_group_of_ours_is_refused_in_plain_words(api: Api, provider: Crooked, groups: Any) -> None:
    provider.change = lambda claims: claims | {"groups": groups}
    async with client_of(api) as client:
        await refused(client, (await begin(client, provider))["state"], 403, "none of your groups has a role here")


async def test_a_name_of_somebody_else_is_not_taken_over(api: Api, provider: Crooked) -> None:
    await people.add(api.database, "petra", Role.ADMIN, PASSWORD, actor="test", of_settings={})
    async with client_of(api) as client:
        await refused(client, (await begin(client, provider))["state"], 403, "is taken here by somebody else")


async def test_a_provider_that_is_away_or_is_another_one_says_so(api: Api, provider: Crooked) -> None:
    provider.issuer = "http://127.0.0.1:1"
    async with client_of(api) as client:
        answer = await client.get("oidc")
        assert answer.status_code == 502
        assert "The provider can not be reached" in words(answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        pytest.param(b"[]", marks=pytest.mark.proof),
        pytest.param(b"{}", marks=pytest.mark.proof),
        b'{"keys": 7}',
        pytest.param(b'{"keys": [{"kty": "x"}]}', marks=pytest.mark.proof),
        pytest.param(b"\xff", marks=pytest.mark.proof),
    ],
)
async def test_garbage_of_the_provider_lets_nobody_in(api: Api, provider: Crooked, body: bytes) -> None:
    async with client_of(api) as client:
        for path in ("/keys", "/token"):
            provider.garbage = {path: body}
            await refused(client, (await begin(client, provider))["state"], 502, "can not be trusted")
        provider.garbage = {"/.well-known/openid-configuration": body}
        assert (await client.get("oidc")).status_code == 502


async def test_without_a_provider_there_is_no_such_page(tmp_path: Path, migrated_sqlite_template: Path) -> None:
    url = copy_of(migrated_sqlite_template, tmp_path)
    async with stocked_api(url, await client_of_nothing()) as running, client_of(running) as client:
        assert (await client.get("oidc")).status_code == 404
        assert (await client.get("oidc/answer")).status_code == 404
        assert "Log in by" not in words((await client.get("log-in")).text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oidc_client_secret": ""}, "RESELL_OIDC_ISSUER needs RESELL_OIDC_CLIENT_SECRET, too"),
        ({"oidc_issuer": "http://id.example.com"}, "RESELL_OIDC_ISSUER: is an address that begins with https://"),
        ({"console_url": "shop"}, "RESELL_CONSOLE_URL: is an address that begins with https://"),
        ({"oidc_roles": "admins"}, "RESELL_OIDC_ROLES: is written GROUP=ROLE,GROUP=ROLE"),
        ({"oidc_roles": "shops=storefront"}, "RESELL_OIDC_ROLES: is written GROUP=ROLE,GROUP=ROLE"),
    ],
)
def test_settings_that_are_wrong_are_named(change: dict[str, str], said: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as error:
        Settings(**(configured("https://id.example.com") | change))
    assert said in settings_in_words(error.value)
    assert SECRET not in settings_in_words(error.value)
