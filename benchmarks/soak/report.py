"""The result of a run, as JSON."""

from typing import Any

from pydantic import BaseModel, Field

from benchmarks.soak.options import Options


class Sample(BaseModel):
    """What the processes held, and how long the permanent workflows' histories were, at one moment."""

    second: float
    memory_mib: dict[str, float]
    lives: dict[str, int]
    permanent_history_events: int = Field(description="the longest history of poller, sweep and webhook sender")


class Found(BaseModel):
    """A promise that did not hold."""

    what: str
    service: int | None = None
    timeline: list[str] = []


class Report(BaseModel):
    options: Options
    panel: dict[str, Any] = Field(description="the knobs of this run's kind of panel")
    seconds: float = Field(description="how long operations were asked for")
    quiet_seconds: float = Field(description="from the last request until nothing but people was waited for")
    accepted: dict[str, int] = Field(description="operations by kind; repetitions count")
    operations: int
    services: int
    answers: dict[str, int] = Field(description="what callers of the API got, by method and status")
    refused: dict[str, int]
    decided: dict[str, int] = Field(description="what operators did")
    staff: dict[str, int] = Field(description="what the upstream's staff did")
    faults: dict[str, int]
    disturbances: dict[str, int] = Field(description="processes killed and frozen")
    ends: dict[str, int] = Field(description="stages of all operations in the end")
    waiting: dict[str, int] = Field(description="why operations still wait for a person")
    charged: dict[str, str] = Field(description="EUR charged at the upstream, by account")
    incidents: dict[str, int]
    order_history_events: int | None = Field(description="the longest history of an order; null: Temporal gave no list")
    samples: list[Sample]
    violations: list[Found]
    seconds_of_story: dict[str, float] = {}
