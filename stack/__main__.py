"""The embedded stack's command line: `python -m stack up`."""

from pathlib import Path
from typing import Annotated

import typer

import process_exit
from output_encoding import replace_unencodable
from stack.demo import begin_anew
from stack.demo import demo as show
from stack.embedded import EmbeddedStack, StackSettings
from stack.running import run, say
from stack.up import up as stay

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


@app.command()
def up(
    directory: Directory = DEFAULTS.directory,
    temporal_port: TemporalPort = DEFAULTS.temporal_port,
    ui_port: UiPort = DEFAULTS.ui_port,
    api_port: ApiPort = DEFAULTS.api_port,
    simulator_port: SimulatorPort = DEFAULTS.simulator_port,
    worker_health_port: WorkerHealthPort = DEFAULTS.worker_health_port,
    temporal: Temporal = DEFAULTS.temporal,
) -> None:
    """Start everything and stay until Ctrl-C. The data survives."""
    settings = StackSettings(
        directory=directory,
        temporal_port=temporal_port,
        ui_port=ui_port,
        api_port=api_port,
        simulator_port=simulator_port,
        worker_health_port=worker_health_port,
        temporal=temporal,
    )
    process_exit.leave(run(EmbeddedStack(settings, progress=say), stay, until_signal=True))


@app.command()
def demo(
    directory: Directory = Path("var/demo"),
    temporal_port: TemporalPort = DEFAULTS.temporal_port,
    ui_port: UiPort = DEFAULTS.ui_port,
    api_port: ApiPort = DEFAULTS.api_port,
    simulator_port: SimulatorPort = DEFAULTS.simulator_port,
    worker_health_port: WorkerHealthPort = DEFAULTS.worker_health_port,
    temporal: Temporal = DEFAULTS.temporal,
) -> None:
    """Start everything, show three orders on their way, stop everything. Begins with empty data each time."""
    settings = StackSettings(
        directory=directory,
        temporal_port=temporal_port,
        ui_port=ui_port,
        api_port=api_port,
        simulator_port=simulator_port,
        worker_health_port=worker_health_port,
        temporal=temporal,
    )
    begin_anew(directory)
    process_exit.leave(run(EmbeddedStack(settings, progress=say), show))


if __name__ == "__main__":
    replace_unencodable()
    app(prog_name="python -m stack")
