"""The command line `resell`: its commands put together, and the one way in and out.

Commands import what they need when they run: `resell --help` loads neither the Temporal SDK nor the tables.
"""

import logging
import os
import sys
from typing import NoReturn

import typer

import process_exit
from cli import (
    api,
    archive,
    backup,
    configuration,
    drift,
    events,
    forecast,
    incidents,
    life,
    linking,
    lists,
    notifications,
    order,
    plans,
    quote,
    refunds,
    restored,
    setup,
    sweep,
    system,
    tasks,
    tokens,
    upstream,
    users,
    versions,
    webhooks,
)
from cli.failures import in_words
from models.untrusted_text import visible_lines
from output_encoding import replace_unencodable

app = typer.Typer(
    name="resell",
    cls=life.WithOperations,
    help="Order processing for hosting resellers: load the catalogue, place orders, follow them, decide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(api.choose)
setup.add_commands(app)
upstream.add_commands(app)
order.add_commands(app)
life.add_commands(app)
lists.add_commands(app)
plans.add_commands(app)
quote.add_commands(app)
linking.add_commands(app)
tasks.add_commands(app)
incidents.add_commands(app)
sweep.add_commands(app)
drift.add_commands(app)
refunds.add_commands(app)
forecast.add_commands(app)
webhooks.add_commands(app)
events.add_commands(app)
tokens.add_commands(app)
users.add_commands(app)
notifications.add_commands(app)
system.add_commands(app)
configuration.add_commands(app)
backup.add_commands(app)
archive.add_commands(app)
restored.add_commands(app)
versions.add_commands(app)


def run(arguments: list[str]) -> int:
    """Run one command; its exit status: 0 done, 1 failed, 2 wrong usage."""
    logging.getLogger().addHandler(logging.NullHandler())  # what a person must know, the commands say themselves
    try:
        app(args=arguments, prog_name="resell")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        sentence = in_words(error)
        if sentence is None:
            raise
        print(f"resell: {visible_lines(sentence)}", file=sys.stderr)
        return 1
    return 0


def main() -> NoReturn:
    """The entry point. Leaves the way a process that used the Temporal SDK must."""
    replace_unencodable()
    try:
        status = run(sys.argv[1:])
    except Exception:
        sys.excepthook(*sys.exc_info())
        status = 1
    process_exit.leave(status)
