"""What lists have in common: `resell NAME` lists, `resell NAME show N` shows one, a page at a time.

A filter may be given several times: what has one of the values is listed.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orders.views import Page, PageRequest

HIGHEST_NUMBER = 2**31 - 1
"""`models.numbers.HIGHEST_NUMBER`, without loading the tables."""

Limit = Annotated[int, typer.Option(help="show at most this many", min=1, max=200)]
Cursor = Annotated[str | None, typer.Option(help="next_cursor of the previous page")]
Number = Annotated[int, typer.Argument(metavar="N", help="its number", max=HIGHEST_NUMBER)]
OfService = Annotated[
    list[int] | None, typer.Option("--service", metavar="N", help="only of this service", max=HIGHEST_NUMBER)
]
DEFAULT_LIMIT = 50


def group(app: typer.Typer, name: str, about: str, listing: object, show: object = None) -> typer.Typer:
    """`resell NAME` lists, `resell NAME show N` shows one, if there is more to show than the list has."""
    made = typer.Typer(help=about, invoke_without_command=True, rich_markup_mode=None)
    # typer's types want a function type; whatever it is given, it reads the signature.
    made.callback(help=about)(listing)  # type: ignore[type-var]
    if show is not None:
        made.command("show")(show)  # type: ignore[type-var]
    app.add_typer(made, name=name)
    return made


def page_request(limit: int, cursor: str | None = None) -> "PageRequest":
    from orders.views import PageRequest

    return PageRequest(limit, cursor)


def say_more(page: "Page[Any]") -> None:
    if page.next_cursor is not None:
        print(f"there are more: --cursor {page.next_cursor}, or a higher --limit")
