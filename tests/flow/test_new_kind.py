"""A new kind of operation is its class and its word: a copy of the tree gets these two, and nothing else changes.

The tests of the kind (`of_a_new_kind`) run in the copy.
"""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from tests.infrastructure.processes import PROJECT, Program

WORD = 'EXAMPLE_KIND = "example_kind", "Name a service anew"'
CLASS = '''
    """The service gets another name at the upstream. One call is sent, and the item's form shows whether it was done.

    `goal` and `goal_proves_it` are left out: the item is active before and after.
    """

    from datetime import timedelta
    from typing import Annotated, ClassVar

    from pydantic import Field
    from sqlmodel.ext.asyncio.session import AsyncSession

    from models.database import Database
    from models.enums import OperationKind
    from models.order import Service
    from models.parameters import Parameters
    from models.product_types import SWITCHED_TYPES
    from orders.operations.requests import OperationRequest, Route, Option, Rules, CheckedRequest
    from orders.operations.base import Ending, Obstacle, OperationType, Request, Sent
    from orders.operations.item import already_so, item_number, judge_by_form, read
    from orders.operations.job import Job
    from orders.settlement.verdicts import Judgement
    from orders.text import Prose
    from upstreams.port import Upstream, UpstreamItem


    class NewName(OperationRequest):
        kind: ClassVar = OperationKind.EXAMPLE_KIND

        name: Annotated[Prose, Option(help="the new name")] = Field(max_length=200)


    class Named(Parameters):
        new_name: str = ""


    class Naming(OperationType[NewName, Named]):
        kind = OperationKind.EXAMPLE_KIND
        request_model = NewName
        product_types = SWITCHED_TYPES
        parameters = Named
        route = Route(path="/example-kind", name="name_service", details="Once.", present_participle="naming")

        async def check(self, session: AsyncSession, service: Service, asked: NewName, rules: Rules) -> CheckedRequest:
            return CheckedRequest(Named(new_name=asked.name), f"Name service {service.id} anew")

        async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
            item = await read(job, upstream)
            if self.is_named(job, item):
                return Obstacle(already_so(job, f"item {item.number} has this name already"))
            return Request(fields={"item": item.number, "name": self.asked(job.operation).new_name})

        async def send(self, job: Job, upstream: Upstream) -> Sent:
            number, fields = item_number(job), {"domain": self.asked(job.operation).new_name}
            answer = await upstream.set_parameters(job.service.product_type, number, fields, key=job.key)
            return Sent(number, answer.unpaid)

        async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
            return await judge_by_form(job, upstream, window, lambda item: self.is_named(job, item))

        async def apply(self, ending: Ending, asked: Named) -> None:
            ending.service.parameters = {**ending.service.parameters, "named": asked.new_name}

        def is_named(self, job: Job, item: UpstreamItem | None) -> bool:
            return item is not None and item.name == self.asked(job.operation).new_name


    OPERATION = Naming()
'''
ASK_FOR_HELP = """
from cli.app import run
for arguments in ["--help"], ["example-kind", "--help"]:
    run(arguments)
"""
"""Of the command, and of its new part, in one process."""


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
    (root / "orders/operations/example_kind.py").write_text(textwrap.dedent(CLASS).lstrip(), encoding="utf-8")
    return root


def run(tree: Path, *arguments: str) -> str:
    with Program([sys.executable, *arguments], name="copy", cwd=tree, env={"PYTHONPATH": str(tree)}) as program:
        program.wait_for_exit(timeout=110)
    assert program.returncode == 0, program.output
    return program.output


@pytest.mark.proof
def test_it_runs_from_the_request_to_its_end_and_is_offered_by_route_and_command(tree: Path) -> None:
    run(tree, "-m", "pytest", "tests/flow/of_a_new_kind.py", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    told = run(tree, "-c", ASK_FOR_HELP)
    assert re.search(r"\n  example-kind +Name a service anew\.\n", told)
    words = " ".join(told.split())
    assert "--name <str> the new name [required]" in words
    assert "--key <str>" in words
