"""Workflow modules import nothing heavy.

Problem: every import of a workflow module is paid for at each start of a worker, and what the sandbox does not pass
through is imported anew for every workflow; a module that can do I/O does not belong in code that is replayed.

Mechanism: a fresh interpreter imports each module of `workflows`, and then looks what else has come in.
"""

import json
import subprocess
import sys

from tests.infrastructure.processes import PROJECT

FORBIDDEN = {
    "activities",
    "aiosqlite",
    "alembic",
    "fastapi",
    "httpx",
    "orders",
    "psycopg",
    "settings",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "storefront",
    "upstreams",
    "worker",
}

PROBE = """
import importlib, json, pkgutil, sys, workflows
names = [module.name for module in pkgutil.walk_packages(workflows.__path__, "workflows.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({"imported": names, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def test_workflow_modules_import_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    found = json.loads(done.stdout)
    assert "workflows.service_order" in found["imported"]
    assert FORBIDDEN.isdisjoint(found["loaded"]), FORBIDDEN.intersection(found["loaded"])
