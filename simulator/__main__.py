"""``python -m simulator``: a selling BILLmanager on this machine."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from program_version import in_words
from simulator.admin.app import Bench, admin_app
from simulator.faults import Faults
from simulator.handler import run_handler
from simulator.panel import Panel
from simulator.requestlog import RequestLog
from simulator.server import Server, listen
from simulator.store import Unusable
from simulator.web import Web
from simulator.world import AccountSpec, World
from telemetry.logs import WrongVariable, configure_by_variables

log = logging.getLogger("simulator")

MOUNTS: Final = ["/billmgr", "/manager/billmgr", "/billmgr-api"]
DEFAULT_ACCOUNT: Final = AccountSpec("reseller", "secret", Decimal("100.00"), "EUR")


def account_spec(text: str) -> AccountSpec:
    """``name:password:balance:currency``; the password may itself contain colons."""
    name, _, rest = text.partition(":")
    password, balance, currency = ([*rest.rsplit(":", 2), "", ""])[:3]
    if not (name and password and currency.isalpha() and currency.isupper()):
        raise argparse.ArgumentTypeError(f"{text!r} is not name:password:balance:currency")
    try:
        return AccountSpec(name, password, Decimal(balance), currency)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{balance!r} is not an amount of money") from None


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--version", action="version", version=f"simulator of Resellflow {in_words()}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1500, help="0 takes a free one (default: 1500)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the state in this file (default: in memory)")
    parser.add_argument(
        "--mount", action="append", metavar="PATH", help=f"where the panel is served (default: {', '.join(MOUNTS)})"
    )
    parser.add_argument(
        "--account",
        action="append",
        type=account_spec,
        metavar="NAME:PASSWORD:BALANCE:CURRENCY",
        help="an account to be made if it is not there yet (default: reseller:secret:100.00:EUR)",
    )
    parser.add_argument(
        "--handler", type=Path, metavar="PROGRAM", help="run this event handler after each change of a service"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Serve until asked to stop."""
    arguments = _arguments(argv)
    handler: Path | None = arguments.handler.absolute() if arguments.handler else None
    if handler is not None and not os.access(handler, os.X_OK):
        print(f"simulator: cannot run the handler {handler}", file=sys.stderr)
        return 1
    mounts: list[str] = arguments.mount or MOUNTS
    try:
        listener = listen(arguments.host, arguments.port)
    except OSError as error:
        print(f"simulator: cannot listen on {arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)
        return 1
    with contextlib.closing(listener):
        try:
            world = World(arguments.state, arguments.account or [DEFAULT_ACCOUNT])
        except Unusable as error:
            print(f"simulator: cannot use the state file {error}", file=sys.stderr)
            return 1
        with contextlib.closing(world):
            try:
                configure_by_variables()
            except WrongVariable as error:
                print(f"simulator: {error}", file=sys.stderr)
                return 2
            asyncio.run(_serve(world, mounts, listener, arguments.host, handler))
    return 0


async def _serve(world: World, mounts: list[str], listener: socket.socket, host: str, handler: Path | None) -> None:
    panel, faults, requests = Panel(world), Faults(), RequestLog()
    web = Web(panel, faults, requests, admin_app(Bench(panel, faults, requests)), mounts)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}{mounts[0]}"
    log.info("simulator of Resellflow %s", in_words())
    running = asyncio.create_task(run_handler(world, handler, web.stopping)) if handler is not None else None
    await Server(web, f"simulator ready {address}").serve([listener])
    if running is not None:
        await running


if __name__ == "__main__":
    sys.exit(main())
