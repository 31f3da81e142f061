"""What is wrong with a catalogue file: where (file, table, key) and what would be right."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """`table` names the entry too, e.g. `tariff_plans "VDS-1" → mappings[0]`; `key` may be a path, e.g. `prices.12`."""

    table: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.table, self.key, self.message) if part)


class CatalogueInvalid(Exception):
    """The file can't be loaded; nothing was changed. `problems` are all of them, in the order of the file's tables."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.file = file
        self.problems = problems
