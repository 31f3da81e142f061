"""Who did what, to what and when: the audit with filters, and the same as a file."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from console.rendering import pages_of, zone_of
from console.sessions import LoggedIn, Session
from orders.errors import InvalidField
from orders.reading.audit_search import AuditRow, AuditWanted, search_audit, thing, whole_audit
from orders.reading.paging import PageRequest
from orders.tables import columns_of, csv_head, csv_rows
from storefront.context import Context, InContext
from storefront.problems import Problem

router = APIRouter()

FIELDS = ("actor", "action", "object", "from", "to")
PAGES = {
    "operation": "operations",
    "service": "services",
    "task": "tasks",
    "incident": "incidents",
    "operation_batch": "bulk",
}
"""Things that have a page, by what the audit calls them."""


@router.get("/audit")
async def audit(
    request: Request, session: LoggedIn, context: InContext, after: Annotated[str | None, Query()] = None
) -> Response:
    asked = _asked(request)
    page, problem = None, None
    try:
        wanted = _wanted(asked, session)
        async with context.database.read() as reading:
            page = await search_audit(reading, PageRequest(cursor=after), wanted)
    except InvalidField as error:
        field = "after" if error.field == "cursor" else error.field
        problem = Problem(type="", title="", status=422, detail=error.message, field=field)
    return pages_of(request).show(
        request,
        "audit.html",
        session,
        status=422 if problem else 200,
        page=page,
        problem=problem,
        asked=asked,
        linked=PAGES,
        query=lambda **changes: urlencode({k: v for k, v in {**asked, **changes}.items() if v}),
    )


@router.get("/audit.csv")
async def audit_as_file(request: Request, session: LoggedIn, context: InContext) -> Response:
    """All entries that match, newest first. Raises InvalidField."""
    lines = _lines(context, _wanted(_asked(request), session))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _asked(request: Request) -> Mapping[str, str]:
    return {name: request.query_params.get(name, "").strip()[:200] for name in FIELDS}


def _wanted(asked: Mapping[str, str], session: Session) -> AuditWanted:
    """Raises InvalidField."""
    subject, number = thing("object", asked["object"])
    return AuditWanted(
        actor=[asked["actor"]] if asked["actor"] else None,
        action=[asked["action"].replace(" ", "_")] if asked["action"] else None,
        subject=subject,
        subject_number=number,
        since=_moment("from", asked["from"], session),
        until=_moment("to", asked["to"], session),
    )


def _moment(field: str, text: str, session: Session) -> datetime | None:
    """A day or minute in the person's time zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        zone = zone_of(session.visitor.time_zone)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidField(field, f"{text!r} is no day or minute: 2026-11-28, 2026-11-28T14:30") from None


async def _lines(context: Context, wanted: AuditWanted) -> AsyncIterator[str]:
    columns = columns_of(AuditRow)
    yield csv_head(columns)
    async for rows in whole_audit(context.database, wanted):
        yield csv_rows(columns, [row.model_dump(mode="json") for row in rows])
