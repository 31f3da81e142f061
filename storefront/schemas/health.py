"""Health: answers."""

from typing import Literal

from pydantic import Field

from orders.views import Document
from program_version import VERSION
from storefront.problems import Problem


class Alive(Document):
    status: Literal["ok"] = "ok"
    version: str = Field(default=VERSION, description="of the program that answers")


class Check(Document):
    status: Literal["ok", "unavailable"]
    detail: str = Field(default="", description="what is missing, and what follows from it")


class Ready(Document):
    """Orders are accepted. Without Temporal they wait for it in stage `accepted`."""

    status: Literal["ready", "degraded"]
    database: Check
    temporal: Check


class NotReady(Problem):
    """Orders can't be accepted: the database is not there."""

    database: Check
    temporal: Check
