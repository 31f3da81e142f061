"""`resell prolong`, `suspend`, `resume`, `close`, `change`, `change-plan`: what is done to a service that is there.

One function makes the command of every operation: options and help come from the request model of its class.
"""

from datetime import date
from enum import Enum, StrEnum
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

from cli.listing import HIGHEST_NUMBER
from cli.order import Addons, Metadata, Reference, addon_values, pairs
from cli.placing import CLIENT, DryRun, Key, Limit, QuoteOption, Wait, place, sum_of_money, would_be
from cli.service_admin import set_renewal
from cli.session import AsJson
from models.enums import AtEndOfTerm, OperationKind

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from cli.source import Office
    from orders.lifecycle.acceptance import AcceptedOrder
    from orders.operations.base import AnyOperation
    from orders.operations.requests import Option, Route
    from orders.views import OperationView, ServiceView

Service = Annotated[int, typer.Argument(metavar="N", help="number of the service", max=HIGHEST_NUMBER)]
LIMIT, ADDONS, REFERENCE, METADATA, QUOTE = "agreed_cost_limit", "addons", "reference", "metadata", "quote"
"""Fields of a request that have options of their own."""


class When(StrEnum):
    NOW = "now"
    END_OF_TERM = "end_of_term"


At = Annotated[
    When,
    typer.Option(help="end_of_term: nothing is done now; it is closed when its term ends, unless that is taken back"),
]

_LAST = (LIMIT, REFERENCE, METADATA, QUOTE)


_KINDS = {kind.command: kind for kind in OperationKind if kind is not OperationKind.OPEN}


def add_commands(app: typer.Typer) -> None:
    """List the operations, each with its purpose. `WithOperations` gives the whole command when one is used."""
    for name, kind in _KINDS.items():
        app.command(name, help=f"{kind.purpose}.")(lambda: None)


class WithOperations(TyperGroup):
    """Loads the class of an operation when its command is used, not when commands are listed: that takes a second."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _command(_KINDS[name]) if name in _KINDS else command, rest


def _command(kind: OperationKind) -> Any:
    from orders.operations.registry import operation_type

    operation = operation_type(kind)
    route = operation.route
    if route is None:
        raise LookupError(f"{kind.value} is not asked of a service")
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(kind.command, help=f"{kind.purpose}. {route.help}".rstrip())(_function(operation, route))
    return typer.main.get_command(app)


def _function(operation: "AnyOperation", route: "Route") -> Any:
    """What Typer makes a command of: its parameters are the fields of the request model."""
    fields = operation.request_model.model_fields

    def ask(
        service: int,
        key: str | None,
        dry_run: bool,
        wait: bool,
        as_json: bool,
        at: When = When.NOW,
        **given: Any,
    ) -> None:
        if at is not When.NOW:
            reason = given.pop("reason")
            only_now = {"key": key, "dry_run": dry_run, "wait": wait, **given}
            return close_at_end(service, only_now, reason=reason, as_json=as_json)
        asked = operation.request_model.of(
            **{name: value_of(name, field, given[name]) for name, field in fields.items()}
        )

        async def begin(resellflow: "Office", used: str) -> "AcceptedOrder":
            return await resellflow.ask(service, asked, key=used, client=CLIENT)

        async def rehearse(resellflow: "Office", used: str) -> "tuple[ServiceView, OperationView]":
            return await resellflow.try_asking(service, asked, would_be, key=used, client=CLIENT)

        return place(
            begin,
            doing=f"{route.present_participle} service {service}",
            key=key,
            wait=wait,
            as_json=as_json,
            dry_run=rehearse if dry_run else None,
        )

    own: dict[str, tuple[Any, Any]] = {"service": (Service, Parameter.empty)}
    own |= {name: option_of(name, fields[name]) for name in sorted(fields, key=lambda name: name in _LAST)}
    if operation.ends_service:
        own["at"] = (At, When.NOW)
    return with_options(ask, own | _ALWAYS)


def close_at_end(service: int, only_now: dict[str, Any], *, reason: str | None, as_json: bool) -> None:
    """Only written down, as `resell services set-renewal N close` does. `only_now`: what was given beside it."""
    given = [name for name, value in only_now.items() if value]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise typer.BadParameter("is for what is done now; leave it out, or --at end_of_term", param_hint=option)
    set_renewal(service, AtEndOfTerm.CLOSE, reason=reason, as_json=as_json)


_ALWAYS = {"key": (Key, None), "dry_run": (DryRun, False), "wait": (Wait, False), "as_json": (AsJson, False)}


def with_options(function: Any, options: dict[str, tuple[Any, Any]]) -> Any:
    """The function as if it were written with these parameters: name -> (annotation, default).

    Typer has no other way to add options: it reads them from `inspect.signature`, and that reads `__signature__`.
    """
    function.__annotations__ = {name: annotation for name, (annotation, _) in options.items()}
    function.__signature__ = Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in options.items()
        ]
    )
    return function


def option_of(name: str, field: "FieldInfo") -> tuple[Any, Any]:
    """How a field is given on the command line, and its default there."""
    if name == LIMIT:
        return Limit, None
    if name == ADDONS:
        return Addons, None
    if name == QUOTE:
        return QuoteOption, None
    if name == REFERENCE:
        return Reference, None
    if name == METADATA:
        return Metadata, None
    option = _described(field)
    words = option.help or field.description or ""
    if option.means is not None:
        return Annotated[bool, typer.Option(option.name, help=words)], False
    plain, default = _plain(field.annotation), Parameter.empty if field.is_required() else field.default
    if option.name and not option.name.startswith("-"):
        return Annotated[plain, typer.Argument(metavar=option.name, help=words)], default
    if isinstance(plain, type) and issubclass(plain, Enum):
        words += f": {', '.join(plain)}"
        plain = str  # the request's own check takes older words, too
    if plain is date:
        plain = str
    shown = option.name or f"--{name.replace('_', '-')}"
    typed = plain if default is not None else plain | None
    return Annotated[typed, typer.Option(shown, metavar=option.metavar, help=words)], default


def value_of(name: str, field: "FieldInfo", given: Any) -> Any:
    """The value for the request, as it was typed. A text that says nothing is none."""
    if name == LIMIT:
        return sum_of_money(given, "--cost-limit")
    if name == ADDONS:
        return addon_values(given)
    if name == METADATA:
        return pairs(given, "--metadata")
    means = _described(field).means
    if means is not None:
        return means if given else None
    if isinstance(given, str) and not field.is_required():
        return given.strip() or None
    return given


def _described(field: "FieldInfo") -> "Option":
    from orders.operations.requests import Option

    return next((one for one in field.metadata if isinstance(one, Option)), Option())


def _plain(annotation: Any) -> Any:
    """The type without None and without what validates it."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    [*present] = [one for one in get_args(annotation) if one is not type(None)]
    return _plain(present[0]) if present else annotation
