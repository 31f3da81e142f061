"""What the tests share; each part is explained in its own module."""

import os

pytest_plugins = [
    "tests.infrastructure.leaks",
    "tests.infrastructure.shared",
    "tests.infrastructure.collecting",
    "tests.infrastructure.economy",
    "tests.infrastructure.databases",
    "tests.infrastructure.dialects",
    "tests.infrastructure.heaviest_first",
    "tests.infrastructure.history",
    "tests.infrastructure.leaving",
    "tests.infrastructure.leftovers",
    "tests.infrastructure.nested",
    "tests.infrastructure.nothing_skipped",
    "tests.infrastructure.temporal",
]
if os.environ.get("RESELL_TEST_TEMPORAL_CLUSTER"):
    pytest_plugins.append("tests.cluster.everywhere")
