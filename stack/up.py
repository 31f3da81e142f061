"""`python -m stack up`: the stack, until Ctrl-C."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

from stack.embedded import EmbeddedStack
from stack.running import say


async def up(stack: EmbeddedStack) -> int:
    """Say where everything is, and stay."""
    say(welcome(stack))
    await asyncio.Event().wait()
    return 0


def welcome(stack: EmbeddedStack) -> str:
    return f"""
Resellflow is running. Ctrl-C stops it; its data stays in {short(stack.directory)}.

  Storefront API   {stack.api_url}  (documentation: {stack.api_url}/docs)
  Console          {stack.api_url}/console  (for people; see below)
  Temporal UI      {stack.temporal_ui_url}
  Temporal         {stack.temporal_address}
  Upstream         {stack.simulator_url}/billmgr  (the simulator; its administration: {stack.simulator_url}/_sim)
  Tokens           {short(stack.tokens_file)}  (a storefront's and an operator's)
  Catalogue        {short(stack.directory / "catalogue.toml")}  (edit it; it is loaded at the next start)
  Logs             {short(stack.logs)}

Place an order, from another terminal:

  {order_command(stack)}

After  . {shlex.quote(short(stack.environment_file))}  a shell finds resell and python,
and has the address of the API in $API and the operator's token in $TOKEN:

  {list_command(stack)}

This adds a person who may log in to the console, in that shell, too. It prints the password:

  resell users add olga --role admin
"""


def order_command(stack: EmbeddedStack) -> str:
    """A line to be pasted into a shell in this directory."""
    resell = Path(sys.executable).with_name("resell")
    environment, program = shlex.quote(short(stack.environment_file)), shlex.quote(short(resell))
    return f"(. {environment}; {program} order VDS-1 --customer jane --period 1 --wait)"


def list_command(stack: EmbeddedStack) -> str:
    """The same by HTTP."""
    environment = shlex.quote(short(stack.environment_file))
    return f'(. {environment}; curl -s "$API/v1/services" -H "Authorization: Bearer $TOKEN")'


def short(path: Path) -> str:
    """The path as seen from here, if that is shorter; with a slash in it, as `.` needs."""
    relative = os.path.relpath(path)
    shorter = str(path) if len(relative) > len(str(path)) else relative
    return shorter if os.sep in shorter else os.path.join(os.curdir, shorter)
