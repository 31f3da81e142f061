"""The embedded stack's command line: `python -m stack up`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import process_exit
from output_encoding import replace_unencodable
from stack.demo import begin_anew
from stack.demo import demo as show
from stack.embedded import EmbeddedStack, StackSettings
from stack.running import progress, run
from stack.up import up as stay
from telemetry.logs import WrongVariable, configure_by_variables

Directory = Annotated[Path, typer.Option(envvar="RESELL_STACK_DIR", help="Where the data is kept.")]
TemporalPort = Annotated[int, typer.Option(envvar="RESELL_STACK_TEMPORAL_PORT", help="Port of the Temporal server.")]
UiPort = Annotated[int, typer.Option(envvar="RESELL_STACK_UI_PORT", help="Port of Temporal UI.")]
ApiPort = Annotated[int, typer.Option(envvar="RESELL_STACK_API_PORT", help="Port of the storefront API.")]
SimulatorPort = Annotated[int, typer.Option(envvar="RESELL_STACK_SIMULATOR_PORT", help="Port of the simulator.")]
WorkerHealthPort = Annotated[
    int, typer.Option(envvar="RESELL_STACK_WORKER_HEALTH_PORT", help="Port of the worker's health endpoint.")
]
Temporal = Annotated[
    str, typer.Option(envvar="RESELL_STACK_TEMPORAL", help="The `temporal` program, if not the packaged one.")
]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DEFAULTS = StackSettings()


@app.callback()
def main() -> None:
    """Resellflow with all it needs, on this machine. Port 0 takes any free port."""
    try:
        configure_by_variables(plain=True)
    except WrongVariable as error:
        print(f"stack: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


def _command(default_directory: Path, begin: Callable[[StackSettings], None]) -> Callable[..., None]:
    """A command with the options of the stack."""

    def command(
        directory: Directory = default_directory,
        temporal_port: TemporalPort = DEFAULTS.temporal_port,
        ui_port: UiPort = DEFAULTS.ui_port,
        api_port: ApiPort = DEFAULTS.api_port,
        simulator_port: SimulatorPort = DEFAULTS.simulator_port,
        worker_health_port: WorkerHealthPort = DEFAULTS.worker_health_port,
        temporal: Temporal = DEFAULTS.temporal,
    ) -> None:
        settings = StackSettings(
            directory=directory,
            temporal_port=temporal_port,
            ui_port=ui_port,
            api_port=api_port,
            simulator_port=simulator_port,
            worker_health_port=worker_health_port,
            temporal=temporal,
        )
        begin(settings)

    return command


def _up(settings: StackSettings) -> None:
    """Start everything and stay until Ctrl-C. The data survives."""
    process_exit.leave(run(EmbeddedStack(settings, progress=progress), stay, until_signal=True))


def _demo(settings: StackSettings) -> None:
    """Start everything, show three orders on their way, stop everything. Begins with empty data each time."""
    begin_anew(settings.directory)
    process_exit.leave(run(EmbeddedStack(settings, progress=progress), show))


for name, default_directory, begin in (("up", DEFAULTS.directory, _up), ("demo", Path("var/demo"), _demo)):
    app.command(name, help=begin.__doc__)(_command(default_directory, begin))


if __name__ == "__main__":
    replace_unencodable()
    app(prog_name="python -m stack")
