"""`resell services set-module N …`, `hand-over N`, `licence-key N`, `set-reference N`, `set-renewal N WHAT`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.listing import Number
from cli.order import pairs
from cli.printing import print_json, print_text, under_way
from cli.session import AsJson, acting_as, opened_database, run_async, valid
from cli.source import opened_source
from models.enums import AtEndOfTerm
from settings import load_settings

if TYPE_CHECKING:
    from orders.views import ServiceView


def add_commands(services: typer.Typer) -> None:
    services.command("set-module")(set_module)
    services.command("hand-over")(hand_over)
    services.command("licence-key")(licence_key)
    services.command("set-reference")(set_reference)
    services.command("set-renewal")(set_renewal)


def set_module(
    service: Number,
    module: Annotated[str, typer.Argument(metavar="MODULE", help="name of a processing module of the same type")],
    reason: Annotated[str, typer.Option(help="why; written to the audit log")],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Give a service to another processing module: to people, or back to its upstream."""
    changed = run_async(_set_module(service, module, reason, acting_as(actor)))
    if as_json:
        return print_json({"service": service, "processing_module": module, "changed": changed})
    return print(
        f"service {service} {'now belongs to' if changed else 'already belongs to'} processing module {module}"
    )


async def _set_module(service: int, module: str, reason: str, actor: str) -> bool:
    from orders.services.modules import ModuleChange
    from orders.services.modules import set_module as give

    change = valid(ModuleChange, module=module, reason=reason)
    async with opened_database() as database:
        return await give(database, service, change, actor=actor)


def hand_over(
    service: Number,
    reason: Annotated[str, typer.Option(help="why; written to the audit log")],
    to: Annotated[
        str | None, typer.Option(help="name of a storefront's token (default: no storefront, only the operators)")
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Hand a service over to another storefront, with everything that belongs to it."""
    changed = run_async(_hand_over(service, to, reason, acting_as(actor)))
    if as_json:
        return print_json({"service": service, "owner": to, "changed": changed})
    owner = f"storefront {to}" if to else "the operators"
    return print(f"service {service} {'now belongs' if changed else 'already belongs'} to {owner}")


async def _hand_over(service: int, to: str | None, reason: str, actor: str) -> bool:
    from orders.access.handing_over import OwnerChange
    from orders.access.handing_over import hand_over as give

    change = valid(OwnerChange, owner=to, reason=reason)
    settings = load_settings()
    async with opened_database(settings) as database:
        storefronts = frozenset(settings.storefront_tokens)
        return await give(database, service, change, storefronts=storefronts, actor=actor)


def licence_key(service: Number, actor: Actor = None, as_json: AsJson = False) -> None:
    """Read the key of a licence at its upstream. The audit log records that it was read; the key is stored nowhere."""
    with under_way(f"reading the key of service {service}"):
        key = run_async(_licence_key(service, acting_as(actor)))
    return print_json({"service": service, "licence_key": key}) if as_json else print(key)


async def _licence_key(service: int, actor: str) -> str:
    from orders.services.keys import KeyReader
    from upstreams.connections import Connections

    settings = load_settings()
    connections = Connections.of(settings)
    async with connections, opened_database(settings) as database:
        return (await KeyReader(database, connections).read(service, actor=actor)).get_secret_value()


def set_reference(
    service: Number,
    reference: Annotated[str | None, typer.Option(help="your own name of it; an empty text removes it")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="a value of your own; may be given several times"),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="remove this value; may be given several times")
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Change the reference and the metadata of a service. Nothing is sent to the upstream; what you leave out stays."""
    given: dict[str, object] = {} if reference is None else {"reference": reference or None}
    values = {**pairs(metadata, "--metadata"), **dict.fromkeys(remove or ())}
    given |= {"metadata": values} if values else {}
    view = run_async(_set_reference(service, given, acting_as(actor)))
    if as_json:
        return print_json(view)
    shown = ", ".join(f"{name}={value}" for name, value in view.metadata.items())
    return print_text(f"service {service}: reference {view.reference or '(none)'}; metadata {shown or '(none)'}")


async def _set_reference(service: int, given: dict[str, object], actor: str) -> "ServiceView":
    async with opened_source() as source:
        return await source.set_reference(service, given, actor)


def set_renewal(
    service: Number,
    what: Annotated[AtEndOfTerm, typer.Argument(metavar="WHAT", help=f"{', '.join(AtEndOfTerm)}")],
    reason: Annotated[str | None, typer.Option(help="why; written to the audit log")] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Say what becomes of a service when its term ends. Nothing is sent to the upstream, and it can be taken back."""
    changed = run_async(_set_renewal(service, what, acting_as(actor), reason))
    if as_json:
        return print_json({"service": service, "at_end_of_term": what.value, "changed": changed})
    words = {"renew": "is renewed", "expire": "expires", "close": "is closed"}[what]
    return print(f"service {service} {words} at the end of its term{'' if changed else ', as before'}")


async def _set_renewal(service: int, what: AtEndOfTerm, actor: str, reason: str | None) -> bool:
    async with opened_source() as source:
        return await source.set_renewal(service, what, actor, reason)
