"""`resell prolong`, `suspend`, `resume`, `close`, `change`, `change-plan`: what is done to a service that is there.

One command serves every kind of operation. `resell --help` knows them by their words; options and help come from the
request model of the kind's class, which is loaded when the command runs.
"""

from enum import Enum
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

from cli.listing import HIGHEST_NUMBER
from cli.order import Addons, addon_values
from cli.placing import CLIENT, Key, Limit, Wait, place, sum_of_money
from cli.session import AsJson
from models.enums import OperationKind

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from orders.lifecycle.acceptance import AcceptedOrder
    from orders.operations.base import AnyOperation
    from orders.operations.requests import Option, Route
    from starter import Resellflow

Service = Annotated[int, typer.Argument(metavar="N", help="number of the service", max=HIGHEST_NUMBER)]
LIMIT, ADDONS = "agreed_cost_limit", "addons"
"""Fields of a request that have options of their own."""


class WithOperations(TyperGroup):
    """The commands of the command line, with those of the operations after the one that opens a service."""

    def __init__(self, *, commands: dict[str, Any] | None = None, **settings: Any) -> None:
        known: dict[str, Any] = {}
        for name, command in (commands or {}).items():
            known[name] = command
            if name == OperationKind.OPEN.command:
                known |= {kind.command: _OperationCommand(kind) for kind in OperationKind if kind.command != name}
        super().__init__(commands=known, **settings)


class _OperationCommand(TyperCommand):
    def __init__(self, kind: OperationKind) -> None:
        super().__init__(kind.command, help=f"{kind.purpose}.", rich_markup_mode=None)
        self._kind = kind

    @property
    def params(self) -> list[Any]:
        """Loads the class: help and shell ask for them, the list of commands does not."""
        return _command(self._kind).params  # type: ignore[no-any-return]  # typer types its commands as Any

    @params.setter
    def params(self, _: list[Any]) -> None:
        pass

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _command(self._kind).make_context(info_name, args, parent=parent, **extra)


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

    def ask(service: int, key: str | None, wait: bool, as_json: bool, **given: Any) -> None:
        asked = operation.request_model.of(**{name: _value(name, field, given[name]) for name, field in fields.items()})

        async def begin(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
            return await resellflow.ask(service, asked, key=used, client=CLIENT)

        place(begin, doing=f"{route.present_participle} service {service}", key=key, wait=wait, as_json=as_json)

    own = {"service": (Service, Parameter.empty)}
    own |= {name: _option(name, fields[name]) for name in sorted(fields, key=lambda name: name == LIMIT)}
    options = own | {"key": (Key, None), "wait": (Wait, False), "as_json": (AsJson, False)}
    ask.__annotations__ = {name: annotation for name, (annotation, _) in options.items()}
    ask.__signature__ = Signature(  # type: ignore[attr-defined]  # typer reads options from it
        [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in options.items()
        ]
    )
    return ask


def _option(name: str, field: "FieldInfo") -> tuple[Any, Any]:
    """How a field is given on the command line, and its default there."""
    if name == LIMIT:
        return Limit, None
    if name == ADDONS:
        return Addons, None
    option = _described(field)
    words = option.help or field.description or ""
    if option.means is not None:
        return Annotated[bool, typer.Option(option.name, help=words)], False
    plain, default = _plain(field.annotation), Parameter.empty if field.is_required() else field.default
    if option.name and not option.name.startswith("-"):
        return Annotated[plain, typer.Argument(metavar=option.name, help=words)], default
    if isinstance(plain, type) and issubclass(plain, Enum):
        words += f": {', '.join(plain)}"
    shown = option.name or f"--{name.replace('_', '-')}"
    typed = plain if default is not None else plain | None
    return Annotated[typed, typer.Option(shown, metavar=option.metavar, help=words)], default


def _value(name: str, field: "FieldInfo", given: Any) -> Any:
    """The value for the request, as it was typed. A text that says nothing is none."""
    if name == LIMIT:
        return sum_of_money(given, "--cost-limit")
    if name == ADDONS:
        return addon_values(given)
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
