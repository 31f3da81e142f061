"""The pages of the console as one application, which the API mounts at /console."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from console import (
    audit,
    bulk,
    errors,
    inbox,
    incidents,
    items,
    log_in,
    me,
    notifications,
    oidc,
    operations,
    ordering,
    refunds,
    requests,
    saved,
    services,
    task_list,
    tasks,
    upstreams,
)
from console.faults import Faults
from console.headers import SecurityHeaders
from console.rendering import Pages
from console.stream import Changes
from storefront.context import Context

PATH = "/console"
STATIC = "static"


def install(app: FastAPI, context: Context) -> FastAPI:
    """Add the console to the API's application. `state.pages` and `state.changes` of what it returns are its own."""
    console = FastAPI(
        title="Resellflow console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(SecurityHeaders), Middleware(Faults)],
    )
    console.state.context = context
    console.state.pages = Pages()
    console.state.changes = Changes(context)
    for part in (
        log_in,
        oidc,
        audit,
        inbox,
        saved,
        bulk,
        operations,
        task_list,
        tasks,
        incidents,
        services,
        items,
        upstreams,
        me,
        requests,
        ordering,
        refunds,
        notifications,
    ):
        console.include_router(part.router)
    errors.install(console)
    console.mount(f"/{STATIC}", StaticFiles(packages=[("console", STATIC)]))

    async def to_the_inbox(request: Request) -> Response:
        return RedirectResponse("console/", status_code=307)

    app.add_route(PATH, to_the_inbox, include_in_schema=False)
    app.mount(PATH, console)
    return console


def changes_of(console: Any) -> Changes:
    changes: Changes = console.state.changes
    return changes
