"""Who did what, to what and when: the audit with filters, and the same as a file."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from console.rendering import pages_of, zone_of
from console.sessions import LoggedIn, Session
from orders.errors import InvalidField
from orders.reading.audit_search import AuditRow, AuditWanted, search_audit, whole_audit
from orders.reading.paging import PageRequest
from storefront.context import Context, InContext
from storefront.problems import Problem

router = APIRouter()

FIELDS = ("actor", "action", "object", "from", "to")
COLUMNS = ("number", "at", "actor", "action", "subject", "subject_number", "changes", "detail")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would reckon with a cell that begins so."""
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
    subject, number = _object(asked["object"])
    return AuditWanted(
        actor=asked["actor"],
        action=asked["action"].replace(" ", "_"),
        subject=subject,
        subject_number=number,
        since=_moment("from", asked["from"], session),
        until=_moment("to", asked["to"], session),
    )


def _object(text: str) -> tuple[str, int | None]:
    if not text:
        return "", None
    subject, _, number = text.rpartition(" ")
    if not subject.strip() or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidField("object", f"{text!r} is no kind of thing with its number: operation 7, service 3")
    return subject.strip().replace(" ", "_"), int(number)


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
    yield _csv([COLUMNS])
    async for rows in whole_audit(context.database, wanted):
        yield _csv([_cells(row) for row in rows])


def _cells(row: AuditRow) -> list[Any]:
    shown = row.model_dump(mode="json")
    return [_cell(shown[name]) for name in COLUMNS]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
