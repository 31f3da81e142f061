"""The channels of the notifications: what each is for, how each is, and a trial message."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from console.acts import NOTHING_TRIED, Act, Acts, Tried, act_on, show_page
from console.items import Nothing
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import _
from models.enums import Role
from orders.access.roles import Right
from orders.inbox.causes import Cause
from orders.notifications import watching
from storefront.callers import Caller
from storefront.context import Context, InContext

router = APIRouter()

ALL: dict[str, Any] = {"all_causes": frozenset(Cause), "all_roles": frozenset(Role)}
"""What a channel has whose file does not restrict it."""


class TrialAsked(BaseModel):
    """What the page says then."""

    message: str


async def _ask_for_trial(name: str, body: Nothing, caller: Caller, context: Context) -> TrialAsked:
    async with context.database.write() as session:
        await watching.ask_for_trial(session, name, actor=caller.name)
    return TrialAsked(message="a worker sends it within ten seconds; load this page again to see how it went")


ACTS: Acts = {
    "try": Act(
        _("Send a test message"),
        _("It says that the channel works, and that nothing has happened. It is sent in quiet hours, too."),
        Nothing,
        _ask_for_trial,
        right=Right.ADMINISTER,
    )
}


@router.get("/notifications")
async def all_channels(request: Request, session: LoggedIn, context: InContext) -> Response:
    async with context.database.read() as reading:
        channels = await watching.list_channels(reading)
    return pages_of(request).show(request, "notifications.html", session, channels=channels, **ALL)


@router.get("/notifications/{name}")
async def show_channel(name: str, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _page(name, request, session, context, NOTHING_TRIED)


@router.post("/notifications/{name}/{act}")
async def act_on_channel(
    name: str, act: str, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    return await act_on(ACTS, act, name, request, session, context, form, _page)


async def _page(name: str, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        channel = await watching.find_channel(reading, name)
    may = session.visitor.requester.may(Right.ADMINISTER)
    return show_page(request, session, "channel.html", tried, channel=channel, acts=ACTS if may else {}, **ALL)
