"""`resell operations wait N`, and the decisions of people about operations that can't go on automatically."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli import batches
from cli.listing import HIGHEST_NUMBER
from cli.order import Addons, pairs
from cli.placing import sum_of_money
from cli.printing import print_json, print_text, say_on, under_way
from cli.session import AsJson, acting_as, run_async, valid
from cli.source import opened_office, opened_source
from models.messages import Decision, DecisionKind, DecisionResult

if TYPE_CHECKING:
    from cli.waiting import Followed

Operation = Annotated[int, typer.Argument(metavar="N", help="number of the operation", max=HIGHEST_NUMBER)]
Reason = Annotated[str, typer.Option(help="why; written to the audit log")]
Actor = Annotated[
    str | None, typer.Option("--actor", "--as", help="who does it, for the audit log (default: the user of this shell)")
]
NothingWasBought = Annotated[
    bool,
    typer.Option(
        "--nothing-was-bought",
        help="you have looked at the upstream and vouch that the earlier request had no effect",
    ),
]


def add_commands(operations: typer.Typer) -> None:
    operations.command()(wait)
    operations.command()(retry)
    operations.command()(correct)
    operations.command("accept-price")(accept_price)
    operations.command("look-now")(look_now)
    operations.command("mark-done")(mark_done)
    operations.command()(cancel)
    batches.add_commands(operations)


def wait(operation: Operation, as_json: AsJson = False) -> None:
    """Show each stage until the end. The exit status is 0 only if the operation was completed."""
    followed = run_async(_follow(operation, say_on(as_json)))
    if as_json:
        print_json({"operation": operation, "stage": followed.stage, "stages": followed.stages})
    else:
        print_text("\n".join(followed.end()))
    raise typer.Exit(0 if followed.completed else 1)


async def _follow(operation: int, say: Callable[[str], None]) -> "Followed":
    async with opened_source() as source:
        return await source.follow(operation, say)


def retry(
    operation: Operation,
    reason: Reason,
    nothing_was_bought: NothingWasBought = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Try again from the start. A request with an unknown outcome is settled first, unless you vouch for it."""
    decision = _decision(reason, actor, nothing_was_bought=nothing_was_bought)
    _decide(operation, DecisionKind.RETRY, decision, as_json)


def correct(
    operation: Operation,
    reason: Reason,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="a parameter, or domain; may be repeated")
    ] = None,
    addon: Addons = None,
    nothing_was_bought: NothingWasBought = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Correct parameters, name or add-ons, and try again."""
    wanted = pairs(changes, "--set") | {f"addon.{name}": value for name, value in pairs(addon, "--addon").items()}
    if not wanted:
        raise typer.BadParameter("name at least one thing to correct", param_hint="--set or --addon")
    decision = _decision(reason, actor, nothing_was_bought=nothing_was_bought, parameters=wanted)
    _decide(operation, DecisionKind.CORRECT_AND_RETRY, decision, as_json)


def accept_price(
    operation: Operation,
    reason: Reason,
    price: Annotated[
        str | None,
        typer.Option(metavar="SUM", help='the sum that you have seen, like "40.00 EUR" (default: the one shown)'),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Accept the price that is shown, and no more. If the upstream then asks more, the operation waits again."""
    seen = sum_of_money(price, "--price")
    decision = _decision(reason, actor, parameters={"price": str(seen)} if seen else {})
    _decide(operation, DecisionKind.ACCEPT_PRICE, decision, as_json)


def look_now(
    operation: Operation,
    reason: Annotated[str, typer.Option(help="why; written to the audit log")] = "looked",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Ask the upstream now about an accepted operation. Nothing is sent that changes something or costs money."""
    _decide(operation, DecisionKind.LOOK_NOW, _decision(reason, actor), as_json)


def mark_done(
    operation: Operation,
    reason: Reason,
    upstream_number: Annotated[
        str, typer.Option(metavar="NUMBER", help="number of the item at the upstream; needed for an opening")
    ] = "",
    it_is_paid: Annotated[
        bool,
        typer.Option("--it-is-paid", help="the row or order in the upstream's cart is paid; needed if it was unpaid"),
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Report that it was done by hand at the upstream: the item is linked, nothing is sent."""
    decision = _decision(reason, actor, upstream_number=upstream_number.strip(), it_is_paid=it_is_paid)
    _decide(operation, DecisionKind.MARK_DONE, decision, as_json)


def cancel(
    operation: Operation,
    reason: Reason,
    nothing_was_bought: NothingWasBought = False,
    what_is_paid_stays: Annotated[
        bool,
        typer.Option(
            "--what-is-paid-stays",
            help="the upstream has accepted it, and you know that only the waiting ends: nothing is taken back there",
        ),
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """End the operation before its goal is reached.

    If nothing was sent, it ends at once, and nothing is charged. Otherwise it ends after everything is removed that an
    earlier request may have left at the upstream. It is refused if a paid service may be there, unless you vouch that
    it is not (--nothing-was-bought), or accept that it stays (--what-is-paid-stays): what the upstream has charged
    then stays paid, and an opened service keeps its item.
    """
    decision = _decision(reason, actor, nothing_was_bought=nothing_was_bought, what_is_paid_stays=what_is_paid_stays)
    _decide(operation, DecisionKind.CANCEL, decision, as_json)


def _decision(reason: str, actor: str | None, **more: object) -> Decision:
    return valid(Decision, reason=reason.strip(), actor=acting_as(actor), **more)


def _decide(operation: int, kind: DecisionKind, decision: Decision, as_json: bool) -> None:
    with under_way(f"{kind.value.replace('_', ' ')} operation {operation}"):
        result = run_async(_ask(operation, kind, decision))
    if as_json:
        print_json({"operation": operation, "stage": result.stage, "message": result.message})
    else:
        print_text(f"operation {operation} is in stage {result.stage.value}: {result.message}")


async def _ask(operation: int, kind: DecisionKind, decision: Decision) -> DecisionResult:
    async with opened_office() as office:
        return await office.decide(operation, kind, decision)
