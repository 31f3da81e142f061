"""Log in by an OpenID provider, where one is configured (`RESELL_OIDC_ISSUER`).

The code flow with PKCE: the browser is sent to the provider with a state, a nonce and a challenge, which a cookie keeps
for ten minutes. What comes back is exchanged for an ID token, whose signature, issuer, audience, times and nonce are
checked before anybody is let in.
"""

import hmac
import json
import logging
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from fastapi import APIRouter, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import RedirectResponse, Response

from console.log_in import own_page, page_of
from console.sessions import cookie_name, is_on_this_machine, keep
from models.enums import Role
from orders.access.people import WrongPassword
from orders.access.provider_people import NotLetIn, Vouched, log_in_vouched
from orders.access.tokens import RANDOM_BYTES
from settings import Settings, is_safe_address
from storefront.context import InContext

log = logging.getLogger(__name__)

router = APIRouter()

SCOPE = "openid profile email groups"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key. `none` and those with the client's secret are not among them."""
STRONGEST_FIRST = (Role.ADMIN, Role.FINANCE, Role.SENIOR, Role.OPERATOR, Role.VIEWER)
"""Whoever is in several groups has the first of these."""
PENDING_SECONDS = 600
TIMEOUT_SECONDS = 10.0
LEEWAY_SECONDS = 60
"""The provider's clock may differ from ours by that."""
LONGEST_DEPARTMENT = 64
LONGEST_ANSWER = 256 * 1024


class ProviderFailed(Exception):
    """The provider can't be reached, or what it says can't be trusted. The message is for the log."""


@router.get("/oidc")
async def to_the_provider(request: Request, context: InContext, next: str = "") -> Response:
    settings = context.settings
    if not settings.oidc_issuer:
        return page_of(request, next, status=404)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(RANDOM_BYTES)
    try:
        async with _client(settings) as client:
            known = await _metadata(client, settings)
            address, state = client.create_authorization_url(
                known["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
    except (ProviderFailed, httpx.HTTPError) as error:
        return _failed(request, next, error)
    response = RedirectResponse(address, status_code=303)
    pending = json.dumps({"state": state, "nonce": nonce, "verifier": verifier, "next": own_page(next)})
    response.set_cookie(
        _cookie(request),
        pending.encode().hex(),
        max_age=PENDING_SECONDS,
        path="/",
        secure=not is_on_this_machine(request),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/oidc/answer")
async def from_the_provider(request: Request, context: InContext) -> Response:
    settings, pending = context.settings, _pending(request)
    if not settings.oidc_issuer:
        return page_of(request, "", status=404)
    if pending is None or not _is_same(request.query_params.get("state", ""), pending["state"]):
        return _over(request, page_of(request, "", status=400, provider="stale"))
    wanted = pending["next"]
    if "error" in request.query_params:
        log.warning("the OpenID provider refused: %.100s", request.query_params["error"])
        return _over(request, page_of(request, wanted, status=403, provider="refused"))
    try:
        claims = await _claims(settings, request.query_params.get("code", ""), pending)
        begun = await log_in_vouched(context.database, _vouched(settings, claims), of_settings=settings.roles_by_name())
    except NotLetIn as error:
        log.warning("the OpenID provider's person was not let in: %s", error.reason)
        return _over(request, page_of(request, wanted, status=403, provider=error.reason.value))
    except (ProviderFailed, httpx.HTTPError, AuthlibBaseError, JoseError, ValueError, WrongPassword) as error:
        return _over(request, _failed(request, wanted, error))
    response = RedirectResponse(f"../entered?{urlencode({'next': wanted})}", status_code=303)
    keep(request, response, begun)
    return _over(request, response)


async def _claims(settings: Settings, code: str, pending: dict[str, str]) -> dict[str, Any]:
    """The claims of the ID token, after every check. Raises ProviderFailed, or an error of a library."""
    async with _client(settings) as client:
        known = await _metadata(client, settings)
        token = await client.fetch_token(
            known["token_endpoint"], code=code, code_verifier=pending["verifier"], grant_type="authorization_code"
        )
        keys = _keys(await _document(client, known["jwks_uri"]))
    written = token.get("id_token")
    if not isinstance(written, str):
        raise ProviderFailed("it gave no ID token")
    claims: dict[str, Any] = dict(jwt.decode(written, keys, algorithms=ALGORITHMS).claims)
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": settings.oidc_issuer},
        aud={"essential": True, "value": settings.oidc_client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": pending["nonce"]},
    ).validate(claims)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != settings.oidc_client_id:
        raise ProviderFailed("its ID token is for another client")
    return claims


def _vouched(settings: Settings, claims: dict[str, Any]) -> Vouched:
    """Raises ProviderFailed."""
    name = claims.get(settings.oidc_name_claim)
    if not isinstance(name, str):
        raise ProviderFailed(f"its ID token has no {settings.oidc_name_claim}")
    groups = claims.get(settings.oidc_groups_claim, [])
    named = groups if isinstance(groups, list) else [groups]
    known = {settings.oidc_roles.get(one) for one in named if isinstance(one, str)}
    role = next((one for one in STRONGEST_FIRST if one in known), None)
    subject = f"{settings.oidc_issuer} {claims['sub']}"[:512]
    return Vouched(subject=subject, name=name, role=role, department=_department(settings, claims))


def _department(settings: Settings, claims: dict[str, Any]) -> str | None:
    """None: the provider is not asked for it. What can be no department is none."""
    if not settings.oidc_department_claim:
        return None
    said = claims.get(settings.oidc_department_claim)
    first = (said or [""])[0] if isinstance(said, list) else said
    return first if isinstance(first, str) and len(first) <= LONGEST_DEPARTMENT and first.isprintable() else ""


def _client(settings: Settings) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        scope=SCOPE,
        redirect_uri=f"{settings.console_url.rstrip('/')}/oidc/answer",
        code_challenge_method="S256",
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
    )


async def _metadata(client: AsyncOAuth2Client, settings: Settings) -> dict[str, Any]:
    """Raises ProviderFailed."""
    known = await _document(client, f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration")
    if known.get("issuer") != settings.oidc_issuer:
        raise ProviderFailed("its configuration names another issuer")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = known.get(name)
        if not isinstance(address, str) or not is_safe_address(address):
            raise ProviderFailed(f"its {name} is no https address")
    return known


async def _document(client: AsyncOAuth2Client, address: str) -> dict[str, Any]:
    answer = await client.request("GET", address, withhold_token=True)
    answer.raise_for_status()
    if len(answer.content) > LONGEST_ANSWER:
        raise ProviderFailed("its answer is too long")
    try:
        document = answer.json()
    except ValueError:
        raise ProviderFailed("its answer is no JSON") from None
    if not isinstance(document, dict):
        raise ProviderFailed("its answer is no JSON object")
    return document


def _keys(document: dict[str, Any]) -> KeySet:
    """Raises ProviderFailed, or JoseError for a key that can't be one."""
    found = document.get("keys")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProviderFailed("its keys are no set of keys")
    return KeySet.import_key_set({"keys": found})


def _cookie(request: Request) -> str:
    return f"{cookie_name(request)}-oidc"


def _pending(request: Request) -> dict[str, str] | None:
    try:
        found = json.loads(bytes.fromhex(request.cookies.get(_cookie(request), "")))
    except ValueError:
        return None
    names = ("state", "nonce", "verifier", "next")
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) and found[name] for name in names):
        return None
    return {**found, "next": own_page(found["next"])}


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _failed(request: Request, wanted: str, error: Exception) -> Response:
    log.warning("logging in by the OpenID provider failed: %s: %.200s", type(error).__name__, error)
    return page_of(request, wanted, status=502, provider="failed")


def _over(request: Request, response: Response) -> Response:
    """The state is used once."""
    response.delete_cookie(_cookie(request), path="/", secure=not is_on_this_machine(request), httponly=True)
    return response
