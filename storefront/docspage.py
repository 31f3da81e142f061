"""/docs: the OpenAPI document to look at and to try, with Swagger UI from this process and nothing from elsewhere."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

PATH = "/docs"
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""A browser loads nothing of another host, and runs no script that stands in a page."""
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/assets/favicon.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """\
// `validatorUrl: null`: the document is shown to no validator elsewhere.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""


def install(app: FastAPI) -> None:
    """Paths are relative, so that they are right behind a proxy that puts the API elsewhere."""

    async def page(request: Request) -> Response:
        return Response(_PAGE.format(title=app.title), media_type="text/html", headers=_SECURITY)

    async def start(request: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers=_SECURITY)

    app.add_route(PATH, page, include_in_schema=False)
    app.add_route(f"{PATH}/start.js", start, include_in_schema=False)
    app.mount(f"{PATH}/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
