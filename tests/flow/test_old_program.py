"""Programs of an earlier commit beside the database of today: what an upgrade without a stop relies on.

The database is migrated first. Then the old worker and the old API go on for a while: orders pass through them, and the
new worker takes over what they have left.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from models.enums import OperationKind, Stage
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop
from tests.infrastructure.processes import PROJECT, Program, free_port

FIRST_UNKNOWN = "models/migrations/versions/0028_restorations.py"
"""The old programs know the migrations before this one. From the one before it on, none may take away anything
(docs/operations.md)."""
TOKEN = "shop-token"
NEVER = 60


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(PROJECT), *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def last_that_did_not_know_it() -> str:
    """The commit before the migration; empty: this copy of the repository has no such history."""
    try:
        added = git("log", "--diff-filter=A", "--format=%H", "--", FIRST_UNKNOWN).splitlines()[-1]
        return git("rev-parse", f"{added}^")
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


COMMIT = last_that_did_not_know_it()
pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(300),
    # No installation brings it: an archive and a shallow clone have none.
    pytest.mark.skipif(not COMMIT, reason="NO HISTORY of the repository is here, so no old program is tried"),
]


@pytest.fixture(scope="module")
def old_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the last commit that did not know the migration."""
    tree = tmp_path_factory.mktemp("old") / "tree"
    tree.mkdir()
    archive = tree / "tree.tar"
    git("archive", "--format=tar", f"--output={archive}", COMMIT)
    shutil.unpack_archive(archive, tree)
    assert not (tree / FIRST_UNKNOWN).exists()
    return tree


@pytest.fixture
def old_worker(old_tree: Path, shop_without_worker: Shop) -> Iterator[Program]:
    shop = shop_without_worker
    env = shop.environment() | {"PYTHONPATH": str(old_tree)}
    with Program([sys.executable, "worker.py"], name="old worker", cwd=old_tree, env=env) as program:
        yield program


@pytest.fixture
def old_api(old_tree: Path, shop_without_worker: Shop) -> Iterator[str]:
    """Its address."""
    port = free_port()
    env = shop_without_worker.environment() | {
        "PYTHONPATH": str(old_tree),
        "RESELL_STOREFRONT_TOKENS": f"shop={TOKEN}",
    }
    command = [sys.executable, "-m", "cli", "api", "--port", str(port)]
    with Program(command, name="old API", cwd=old_tree, env=env) as program:
        program.wait_for_http(f"http://127.0.0.1:{port}/readyz", timeout=NEVER)
        known = httpx.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False, timeout=NEVER).json()["paths"]
        assert "/v1/services" in known
        assert "/v1/drift" not in known, "it is not the old program"
        yield f"http://127.0.0.1:{port}"


async def order_by(api: str, key: str) -> AcceptedOrder:
    async with httpx.AsyncClient(trust_env=False, timeout=NEVER) as http:
        answer = await http.post(
            f"{api}/v1/services",
            json={"plan": "VDS-1", "period_months": 1, "customer": "c-1"},
            headers={"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key},
        )
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    service, operation = placed["service"]["number"], placed["operation"]["number"]
    return AcceptedOrder(service, operation, OperationKind.OPEN, "main", created=True)


async def test_old_programs_go_on_with_the_new_database_and_the_new_ones_take_over(
    shop_without_worker: Shop, old_worker: Program, old_api: str
) -> None:
    shop = shop_without_worker
    placed_by_new, placed_by_old = await shop.order(), await order_by(old_api, "old")
    for order in (placed_by_new, placed_by_old):
        await shop.until(order, Stage.COMPLETED, timeout=NEVER)
    longer = await shop.resellflow.prolong(placed_by_old.service, 1, key="longer")
    await shop.until(longer, Stage.COMPLETED, timeout=NEVER)

    await shop.upstream.set(opening="manual")
    left = await shop.order()
    await shop.until(left, Stage.AWAITING_CONFIRMATION, timeout=NEVER)
    old_worker.send_signal(signal.SIGTERM)
    assert old_worker.wait_for_exit(timeout=NEVER) == 0
    async with shop.working():
        number = (await shop.service(left.service)).upstream_number
        await shop.upstream.admin("POST", f"/items/{number}/open")
        await shop.until(left, Stage.COMPLETED, timeout=NEVER)
        await shop.upstream.set(opening="auto")
        of_old_api = await order_by(old_api, "old, with the new worker")
        await shop.until(of_old_api, Stage.COMPLETED, timeout=NEVER)
    assert len(await shop.upstream.charges()) == 5
    assert len(await shop.upstream.items()) == 4
