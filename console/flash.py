"""One sentence for the page after next: what an act has done. It travels in a cookie that lives a minute."""

import base64

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "resellflow_said"
LONGEST = 1000


def say(response: Response, text: str) -> None:
    written = base64.urlsafe_b64encode(text[:LONGEST].encode()).decode()
    response.set_cookie(COOKIE, written, max_age=60, path="/", httponly=True, samesite="strict")


def said(request: Request) -> str:
    """Empty: nothing. Whatever stands in the cookie is shown as text."""
    try:
        return base64.urlsafe_b64decode(request.cookies.get(COOKIE, "")[: 3 * LONGEST]).decode()[:LONGEST]
    except ValueError:
        return ""


def forget(response: Response) -> Response:
    """It is shown once."""
    response.delete_cookie(COOKIE, path="/", httponly=True)
    return response
