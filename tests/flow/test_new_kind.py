"""A new kind of operation is its class and its word: a copy of the tree gets these two, and nothing else changes.

The tests of the kind (`of_a_new_kind`) run in the copy.
"""

import sys
import textwrap
from pathlib import Path

import pytest

from tests.infrastructure.processes import PROJECT, Program

WORD = 'REBOOT = "reboot", "Reboot a service"'
CLASS = '''
    """Reboot: the service is suspended and resumed in one operation."""

    from datetime import timedelta
    from typing import Annotated, ClassVar

    from pydantic import Field
    from sqlmodel.ext.asyncio.session import AsyncSession

    from models.database import Database
    from models.enums import OperationKind
    from models.order import Service
    from models.parameters import Parameters
    from orders.operations.asking import Asking, Offer, Option, Rules, Wanted
    from orders.operations.base import End, Obstacle, OperationType, Request, Sent
    from orders.operations.item import item_number, judge_by_form, read
    from orders.operations.job import Job
    from orders.settlement.verdicts import Judgement
    from orders.text import Prose
    from upstreams.port import Upstream


    class Reboot(Asking):
        kind: ClassVar = OperationKind.REBOOT

        reason: Annotated[Prose, Option(help="what ails it")] = Field(max_length=200)


    class Because(Parameters):
        because: str = ""


    class Rebooting(OperationType[Reboot, Because]):
        kind = OperationKind.REBOOT
        asking = Reboot
        parameters = Because
        comes_unasked = True
        offer = Offer(path="/reboot", name="reboot_service", details="Once.", doing="rebooting")

        async def wanted(self, session: AsyncSession, service: Service, asked: Reboot, rules: Rules) -> Wanted:
            return Wanted(Because(because=asked.reason), f"Reboot service {service.id}")

        async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
            item = await read(job, upstream)
            return Request(fields={"item": item.number})

        async def send(self, job: Job, upstream: Upstream) -> Sent:
            product_type, number = job.service.product_type, item_number(job)
            await upstream.suspend(product_type, number, key=f"{job.key}.off")
            await upstream.resume(product_type, number, key=f"{job.key}.on")
            return Sent(number)

        async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
            return await judge_by_form(job, upstream, window, lambda item: item is not None)

        async def apply(self, end: End, asked: Because) -> None:
            end.service.parameters = {**end.service.parameters, "rebooted": asked.because}


    OPERATION = Rebooting()
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The product in links; but for one more line in models/enums.py and one more file in orders/operations/."""
    root = tmp_path / "tree"
    real = {root, root / "models", root / "orders", root / "orders/operations"}
    for folder in sorted(real):
        folder.mkdir()
        for entry in (PROJECT / folder.relative_to(root)).iterdir():
            if (folder / entry.name) not in real and entry.name not in (".git", "__pycache__"):
                (folder / entry.name).symlink_to(entry)
    enums = root / "models/enums.py"
    words = enums.read_text(encoding="utf-8")
    enums.unlink()
    last = '    SET_PARAMETERS = "set_parameters"'
    assert words.count(last) == 1
    enums.write_text(words.replace(last, f"    {WORD}\n{last}"), encoding="utf-8")
    (root / "orders/operations/reboot.py").write_text(textwrap.dedent(CLASS).lstrip(), encoding="utf-8")
    return root


def run(tree: Path, *arguments: str) -> str:
    with Program([sys.executable, *arguments], name="copy", cwd=tree, env={"PYTHONPATH": str(tree)}) as program:
        program.wait_for_exit(timeout=110)
    assert program.returncode == 0, program.output
    return program.output


def test_it_runs_from_the_request_to_its_end_and_is_offered_by_route_and_command(tree: Path) -> None:
    run(tree, "-m", "pytest", "tests/flow/of_a_new_kind.py", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert "\n  reboot        Reboot a service.\n" in run(tree, "-m", "cli", "--help")
    words = " ".join(run(tree, "-m", "cli", "reboot", "--help").split())
    assert "--reason <str> what ails it [required]" in words
    assert "--key <str>" in words
