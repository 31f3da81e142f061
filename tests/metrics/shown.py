"""What a process shows to Prometheus, as Prometheus' own client reads it."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from metrics.counters import REGISTRY

STANDARD = ("process_", "python_")
"""Metrics of the client itself."""


@dataclass(frozen=True)
class Shown:
    """The samples of one scrape."""

    samples: tuple[Sample, ...]

    @classmethod
    def of(cls, text: str) -> "Shown":
        families = text_string_to_metric_families(text)
        found = tuple(sample for family in families for sample in family.samples)
        return cls(tuple(one for one in found if not one.name.startswith(STANDARD)))

    @classmethod
    def registry(cls, registry: CollectorRegistry = REGISTRY) -> "Shown":
        return cls.of(generate_latest(registry).decode())

    @property
    def names(self) -> set[str]:
        return {one.name for one in self.samples}

    def all(self, name: str, **labels: str) -> list[Sample]:
        return [one for one in self.samples if one.name == name and labels.items() <= one.labels.items()]

    def value(self, name: str, **labels: str) -> float:
        """The sum of what has these labels; 0: nothing has."""
        return sum(one.value for one in self.all(name, **labels))
