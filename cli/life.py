"""`resell prolong`, `suspend`, `resume`, `close`, `change`, `change-plan`: what is done to a service that is there."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.listing import HIGHEST_NUMBER
from cli.order import Addons, addon_values
from cli.placing import CLIENT, Key, Limit, Wait, place, sum_of_money
from cli.session import AsJson, valid
from models.enums import RenewalOwner

if TYPE_CHECKING:
    from orders.lifecycle.acceptance import AcceptedOrder
    from starter import Resellflow

Service = Annotated[int, typer.Argument(metavar="N", help="number of the service", max=HIGHEST_NUMBER)]


def add_commands(app: typer.Typer) -> None:
    app.command()(prolong)
    app.command()(suspend)
    app.command()(resume)
    app.command()(close)
    app.command()(change)
    app.command("change-plan")(change_plan)


def prolong(
    service: Service,
    period: Annotated[int, typer.Option(metavar="MONTHS", help="months; one of the plan's periods")],
    cost_limit: Limit = None,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Prolong a service."""
    limit = sum_of_money(cost_limit, "--cost-limit")

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.prolong(service, period, key=used, client=CLIENT, agreed_cost_limit=limit)

    place(ask, doing=f"prolonging service {service}", key=key, wait=wait, as_json=as_json)


def suspend(
    service: Service,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="do it before everything else that waits for this service")
    ] = False,
    reason: Annotated[str, typer.Option(help="why; written to the audit log")] = "",
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Suspend a service."""

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.suspend(service, key=used, client=CLIENT, urgent=urgent, reason=reason.strip())

    place(ask, doing=f"suspending service {service}", key=key, wait=wait, as_json=as_json)


def resume(service: Service, key: Key = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Resume a suspended service."""

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.resume(service, key=used, client=CLIENT)

    place(ask, doing=f"resuming service {service}", key=key, wait=wait, as_json=as_json)


def close(service: Service, key: Key = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Close a service for ever. Its item is deleted at the upstream.

    If the service is still being opened, the opening is called off, and what was not sent is not bought.
    """

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.close_service(service, key=used, client=CLIENT)

    place(ask, doing=f"closing service {service}", key=key, wait=wait, as_json=as_json)


def change(
    service: Service,
    addon: Addons = None,
    domain: Annotated[str | None, typer.Option(help="the new host or domain name")] = None,
    renewal_owner: Annotated[
        RenewalOwner | None, typer.Option(metavar="WHO", help=f"who renews it: {', '.join(RenewalOwner)}")
    ] = None,
    new_password: Annotated[
        bool,
        typer.Option(
            "--new-password",
            help="set a generated password at the upstream, which shows it in the item; no other change with it",
        ),
    ] = False,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-licence-key", help="have the upstream make another key and end the old one; no other change with it"
        ),
    ] = False,
    cost_limit: Limit = None,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Change add-ons, domain, renewal, password or licence key of a service; what you leave out stays."""
    from orders.lifecycle.requests import ServiceChange

    wanted = valid(
        ServiceChange,
        addons=addon_values(addon),
        domain=domain,
        renewal_owner=renewal_owner,
        password="new" if new_password else None,
        licence_key="new" if new_key else None,
        agreed_cost_limit=sum_of_money(cost_limit, "--cost-limit"),
    )

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.change_parameters(service, wanted, key=used, client=CLIENT)

    place(ask, doing=f"changing service {service}", key=key, wait=wait, as_json=as_json)


def change_plan(
    service: Service,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="name of a tariff plan")],
    cost_limit: Limit = None,
    drop_addons: Annotated[
        bool, typer.Option("--drop-addons", help="change it, and lose the add-ons that the new plan can't have")
    ] = False,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Change the tariff plan of a service. What the upstream can't do automatically becomes a task for a person."""
    limit = sum_of_money(cost_limit, "--cost-limit")

    async def ask(resellflow: "Resellflow", used: str) -> "AcceptedOrder":
        return await resellflow.change_plan(
            service, plan, key=used, client=CLIENT, drop_addons=drop_addons, agreed_cost_limit=limit
        )

    place(ask, doing=f"changing the plan of service {service}", key=key, wait=wait, as_json=as_json)
