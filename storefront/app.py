"""The application: routes, who may call them, how errors are said."""

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

import console.app as console
from program_version import VERSION
from settings import Settings
from starter import Resellflow
from storefront import (
    audit,
    batches,
    decisions,
    docspage,
    drift,
    feed,
    health,
    hints,
    history,
    incidents,
    keys,
    life,
    modules,
    openapi,
    operations,
    orphans,
    owners,
    pausing,
    plans,
    prices,
    problems,
    quotes,
    references,
    refunds,
    renewal,
    services,
    sweep,
    tasks,
    token,
    upstreams,
    webhooks,
)
from storefront.auth import Authentication, authenticated
from storefront.bodylimit import BodyLimit
from storefront.callers import Callers
from storefront.concurrency import ConcurrencyLimiter
from storefront.context import Context
from storefront.export import Export
from storefront.head import Head
from storefront.plainpath import PlainPath
from storefront.problems import BUSY, DATABASE_UNAVAILABLE, INVALID_FIELD, TOO_MANY_GUESSES, UNAUTHENTICATED, documented
from storefront.queries import unambiguous
from storefront.requestlog import RequestLog
from telemetry import tracing

PARTS = (
    batches,  # before operations: `batch` is no number
    services,
    history,
    life,
    keys,
    modules,
    owners,
    references,
    renewal,
    operations,
    decisions,
    tasks,
    incidents,
    webhooks,
    feed,
    upstreams,
    pausing,
    orphans,
    sweep,
    drift,
    refunds,
    audit,
    token,
    plans,
    prices,
    quotes,
)
"""Modules whose routes need a token."""


def create_app(resellflow: Resellflow, settings: Settings) -> FastAPI:
    """The REST API over an open Resellflow, which stays the caller's to close. `app.state.context` is its Context."""
    callers = Callers(resellflow, settings)
    app = FastAPI(
        title=openapi.TITLE,
        description=openapi.DESCRIPTION,
        version=VERSION,
        openapi_tags=openapi.TAGS,
        redirect_slashes=False,
        openapi_url="/openapi.json" if settings.api_docs else None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        middleware=[
            *tracing.middleware(),
            Middleware(RequestLog),
            Middleware(PlainPath),
            Middleware(Export, routes=[route for part in PARTS for route in part.router.routes]),
            Middleware(Authentication, callers=callers, trusted_proxies=settings.trusted_proxies),
            Middleware(BodyLimit, timeout=settings.api_request_timeout),
            Middleware(ConcurrencyLimiter, limits=settings.concurrency_limits()),
            Middleware(Head),
        ],
    )
    app.state.context = Context(resellflow, settings, callers)
    problems.install(app)
    for part in PARTS:
        app.include_router(
            part.router,
            dependencies=[Depends(authenticated), Depends(unambiguous)],
            responses=documented(UNAUTHENTICATED, TOO_MANY_GUESSES, INVALID_FIELD, DATABASE_UNAVAILABLE, BUSY),
        )
    app.include_router(hints.router)
    app.include_router(health.router)
    if settings.api_docs:
        docspage.install(app)
    console.install(app, app.state.context)
    app.openapi = lambda: openapi.document(app, [route for part in PARTS for route in part.router.routes])  # type: ignore[method-assign]
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
