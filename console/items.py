"""One item at an upstream: what it is, whose it may be, and how it becomes a service's or a service."""

import secrets
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from console.acts import Act, Acts, Tried, add_page, show_page
from console.comparing import compared, of_item, of_service
from console.forms import valid
from console.sessions import LoggedIn, Session
from console.texts import _
from models.enums import UpstreamStatus
from models.numbers import HIGHEST_NUMBER
from orders.access.roles import Right
from orders.errors import InvalidField
from orders.linking.candidate_views import item_kept, key_of, plans_for, services_for
from orders.linking.requests import AdoptRequest, LinkRequest, Outcome
from orders.views import ItemView
from storefront import orphans
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.schemas.common import Strict
from storefront.schemas.upstreams import ItemQuestion, ItemRead

router = APIRouter()


@dataclass(frozen=True)
class Said:
    message: str


class Nothing(Strict):
    """The body of an act that needs no words."""


class AsService(Strict):
    """The fields of AdoptRequest, with the months as they are typed."""

    plan: str
    customer: str
    period_months: int | None = None
    reason: str | None = None
    force: bool = False


class ForService(Strict):
    service: str
    reason: str | None = None
    force: bool = False


async def _item(key: int, context: Context) -> ItemView:
    async with context.database.read() as reading:
        return await item_kept(reading, key)


async def _adopt(key: int, body: AsService, caller: Caller, context: Context) -> Said:
    """Sent twice, the second is refused: the item is a service's by then."""
    item = await _item(key, context)
    request, once = valid(AdoptRequest, body.model_dump()), f"console-{secrets.token_hex(8)}"
    return _said(await orphans.adopt_orphan(item.upstream, item.number, request, once, caller, context, Response()))


async def _link(key: int, body: ForService, caller: Caller, context: Context) -> Said:
    item = await _item(key, context)
    number = int(body.service) if body.service.isascii() and body.service.isdigit() else 0
    if not 0 < number <= HIGHEST_NUMBER:
        raise InvalidField("service", f"{body.service!r} is no number of a service")
    said = {"reason": body.reason, "force": body.force}
    request = valid(LinkRequest, {"upstream_number": item.number, "upstream": item.upstream, **said})
    return _said(await orphans.link_service(number, request, caller, context))


async def _read(key: int, body: Nothing, caller: Caller, context: Context) -> ItemRead:
    item = await _item(key, context)
    question = ItemQuestion(product_type=item.product_type)
    return await orphans.read_item(item.upstream, item.number, question, caller, context)


def _said(outcome: Outcome) -> Said:
    words = f"item {outcome.upstream_number} is service {outcome.service} from now on"
    if outcome.mark_problem:
        words += f". Our mark is not set: {outcome.mark_problem}"
    return Said(words)


ACTS: Acts = {
    "adopt": Act(
        _("Make it a service"),
        _("A new service of this customer is this item. Nothing is bought. The item is read and compared first."),
        AsService,
        _adopt,
        ("plan", "customer", "period_months", "reason", "force"),
        needs=("plan", "customer"),
    ),
    "link": Act(
        _("It belongs to a service"),
        _("The service is this item from now on. Nothing is bought. The item is read and compared first."),
        ForService,
        _link,
        ("service", "reason", "force"),
        needs=("service",),
    ),
    "read": Act(_("Read it now"), _("The upstream is asked once. What it shows is applied."), Nothing, _read),
}


async def _page(key: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    requester = session.visitor.requester
    async with context.database.read() as reading:
        item = await item_kept(reading, key)
        candidates = [] if item.service else await services_for(reading, item)
        plans = await plans_for(reading, item)
    acts: dict[str, Act] = {}
    if requester.may(Right.DECIDE):
        is_there = not item.gone and item.status != UpstreamStatus.DELETED.name.lower()
        acts = dict(ACTS) if item.service is None and is_there else {"read": ACTS["read"]}
    may_force = requester.may(Right.VOUCH)
    for name in {"adopt", "link"} & set(acts):
        act = acts[name]
        fields = act.fields if may_force else tuple(field for field in act.fields if field != "force")
        likely = [one.service.number for one in candidates if one.same_mark or one.same_name]
        current = {"service": str(likely[0])} if likely and name == "link" else {}
        choices = {"plan": dict.fromkeys(plans, "")} if name == "adopt" else {}
        acts[name] = replace(act, fields=fields, current=current, choices=choices)
    own = of_item(item, key)
    beside = [compared(of_service(one.service), own, mark=one.same_mark, name=one.same_name) for one in candidates]
    return show_page(request, session, "item.html", tried, item=item, key=key, rows=[own, *beside], acts=acts)


add_page(router, "items", ACTS, _page)


@router.get("/upstreams/{name}/items/{product_type}/{number:path}")
async def to_the_item(
    name: str, product_type: str, number: str, session: LoggedIn, context: InContext
) -> RedirectResponse:
    async with context.database.read() as reading:
        key = await key_of(reading, name, product_type, number)
    up = "../" * (4 + number.count("/"))
    return RedirectResponse(f"{up}items/{key}", status_code=303)
