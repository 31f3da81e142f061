"""How a worker says its version. Without a build id in the settings it says none, and every worker runs every order."""

from collections.abc import Iterable
from typing import TypedDict

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from settings import Settings
from workflows.versioned import MOVES_UP

NO_VERSION = "resellflow"
"""Said to Temporal by a worker without a build id. Left out, the SDK hashes the bytecode of all modules at each start
for it: half a second of a core that nobody gets anything for, as replays then decide which code may run a workflow."""


class VersionOptions(TypedDict, total=False):
    """Options of the SDK's Worker."""

    build_id: str
    deployment_config: WorkerDeploymentConfig


def version_options(settings: Settings) -> VersionOptions:
    """An order stays with the version that began it."""
    if not settings.build_id:
        return {"build_id": NO_VERSION}
    version = WorkerDeploymentVersion(deployment_name=settings.deployment, build_id=settings.build_id)
    return {
        "deployment_config": WorkerDeploymentConfig(
            version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
        )
    }


def versioned_workflows(workflows: Iterable[type], settings: Settings) -> list[type]:
    """With a build id, those that run for ever move to the current version."""
    return [MOVES_UP.get(one, one) if settings.build_id else one for one in workflows]
