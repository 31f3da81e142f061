"""A form whose session had ended when it was sent. It is kept through the log-in, and shown: its sender presses once
more. Nothing is carried out before that, for only a press on a page of the new session carries its token.

It is kept only where the browser itself says (`Sec-Fetch-Site`) that a page of ours sent it.
"""

from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import Response
from starlette.routing import Match

from console.forms import BUTTON, by_hand
from console.rendering import own_path, pages_of
from console.sessions import FIELDS_AT_MOST, Session, read_form, text_of

WHERE, KEPT = "kept-for", "kept."
NEVER = frozenset({"log-in", "log-out", "me/password"})
"""Forms that are not kept: passwords, and what has no sense any more."""


@dataclass(frozen=True)
class Kept:
    """A form that has not been carried out."""

    where: str
    """What it was sent to, from the console's first page."""
    fields: tuple[tuple[str, str], ...]
    page: str
    """The page that it stands on."""

    @property
    def button(self) -> str:
        """What its button says. Empty: it is not known."""
        return dict(self.fields).get(BUTTON, "")

    @property
    def typed(self) -> list[tuple[str, str]]:
        return by_hand(self.fields)


async def kept_of(request: Request) -> Kept | None:
    """The form that is sent just now. None: it is none of ours, or is never kept."""
    where = own_path(request)
    is_ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if request.method != "POST" or not is_ours or where in NEVER:
        return None
    form = await read_form(request)
    fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str) and name != "csrf")
    return Kept(where, fields, page_of_form(request, where))


def carried_by(request: Request, form: FormData) -> Kept | None:
    """The form that the page to log in has carried. None: it has carried none."""
    where = text_of(form, WHERE)
    if not where or where in NEVER or not _takes(request, where, "POST"):
        return None
    fields = tuple(
        (name.removeprefix(KEPT), value)
        for name, value in form.multi_items()
        if name.startswith(KEPT) and isinstance(value, str)
    )
    return Kept(where, fields[:FIELDS_AT_MOST], page_of_form(request, where))


def show_kept(request: Request, session: Session, kept: Kept, status: int = 200) -> Response:
    return pages_of(request).show(request, "again.html", session, status=status, kept=kept)


def page_of_form(request: Request, where: str) -> str:
    """The page that a form stands on: the longest beginning of its address that is a page."""
    parts = where.split("/")
    for length in range(len(parts), 0, -1):
        page = "/".join(parts[:length])
        if _takes(request, page, "GET"):
            return page
    return "./"


def _takes(request: Request, path: str, method: str) -> bool:
    root = request.scope.get("root_path", "")
    scope = {"type": "http", "method": method, "path": f"{root}/{path}", "root_path": root}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
