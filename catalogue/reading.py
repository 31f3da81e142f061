"""From a TOML file to entries, with everything that is wrong in it said in the file's own terms."""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from catalogue.accounts import account_entry
from catalogue.entries import AccountEntry, AddonFormEntry, Entry, MappingEntry, ModuleEntry, PlanEntry
from catalogue.problems import CatalogueInvalid, Problem
from upstreams.limits import AccountLimits

E = TypeVar("E", bound=Entry)

_TABLES = ("upstream_accounts", "processing_modules", "tariff_plans")
_TABLES_WITHIN: Mapping[str, tuple[int, type[BaseModel]]] = {
    "addon_forms": (2, AddonFormEntry),
    "limits": (1, AccountLimits),
}
"""Keys whose values are tables: where in a path the inner table's keys stand, and its model."""


@dataclass(frozen=True)
class Located(Generic[E]):
    """A well-formed entry and how people find it in the file."""

    table: str
    entry: E


@dataclass
class Draft:
    """What a file says, as far as it is well formed; and what is wrong with the rest."""

    file: Path
    accounts: list[Located[AccountEntry]] = field(default_factory=list)
    modules: list[Located[ModuleEntry]] = field(default_factory=list)
    plans: list[Located[PlanEntry]] = field(default_factory=list)
    """Without their mappings."""
    mappings: list[tuple[str, Located[MappingEntry]]] = field(default_factory=list)
    """With the name of their plan."""
    problems: list[Problem] = field(default_factory=list)
    raw: dict[str, dict[str, Mapping[str, object]]] = field(default_factory=lambda: {table: {} for table in _TABLES})
    """Table -> name -> entry as it stands, also of entries that are not well formed: others refer to them."""
    places: list[str] = field(default_factory=list)
    """The tables as they stand in the file."""
    incomplete: set[str] = field(default_factory=set)
    """Plans with a mapping that is not well formed."""

    def in_order(self, problems: list[Problem]) -> list[Problem]:
        """The problems in the order in which people find them in the file."""
        places = {place: index for index, place in reversed(list(enumerate(self.places)))}
        return sorted(problems, key=lambda problem: places.get(problem.table, -1))


def read_file(file: Path) -> Draft:
    """Read the file. Raises CatalogueInvalid if it is no TOML file at all."""
    document = _document(file)
    draft = Draft(file)
    for key in document:
        if key not in _TABLES:
            draft.problems.append(Problem("", key, unknown_key(key, _TABLES)))
    for table, raw in _entries(draft, document, "upstream_accounts"):
        draft.accounts += _well_formed(draft, table, raw, account_entry(raw.get("kind")))
    for table, raw in _entries(draft, document, "processing_modules"):
        draft.modules += _well_formed(draft, table, raw, ModuleEntry)
    for table, raw in _entries(draft, document, "tariff_plans"):
        _read_plan(draft, table, raw)
    return draft


def _document(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "can't be read: it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = f"is not valid TOML: {error}"
    raise CatalogueInvalid(file, [Problem("", "", reason)]) from None


def _entries(draft: Draft, document: Mapping[str, object], table: str) -> Iterator[tuple[str, dict[str, object]]]:
    listed = document.get(table, [])
    if not isinstance(listed, list):
        draft.problems.append(Problem(table, "", f"has to be a list of tables, each begun with [[{table}]]"))
        return
    for index, raw in enumerate(listed):
        if not isinstance(raw, dict):
            draft.problems.append(Problem(f"{table}[{index}]", "", f"has to be a table, begun with [[{table}]]"))
            continue
        name = raw.get("name")
        place = f'{table} "{name}"' if isinstance(name, str) and name else f"{table}[{index}]"
        if isinstance(name, str):
            if name in draft.raw[table]:
                draft.problems.append(Problem(place, "name", "is there twice; give each entry a name of its own"))
            draft.raw[table].setdefault(name, raw)
        draft.places.append(place)
        yield place, raw


def _read_plan(draft: Draft, table: str, raw: dict[str, object]) -> None:
    """Check a plan and each of its mappings separately, so that a mistake in one doesn't hide those in the others."""
    listed = raw.get("mappings", [])
    own = {key: value for key, value in raw.items() if key != "mappings"}
    draft.plans += _well_formed(draft, table, own, PlanEntry)
    name = str(raw.get("name", ""))
    if not isinstance(listed, list):
        draft.incomplete.add(name)
        description = PlanEntry.model_fields["mappings"].description
        draft.problems.append(Problem(table, "mappings", f"has to be {description}"))
        return
    for index, mapping in enumerate(listed):
        place = f"{table} → mappings[{index}]"
        draft.places.append(place)
        if not isinstance(mapping, dict):
            draft.problems.append(Problem(place, "", "has to be a table, begun with [[tariff_plans.mappings]]"))
            draft.incomplete.add(name)
            continue
        found = _well_formed(draft, place, mapping, MappingEntry)
        draft.mappings += [(name, located) for located in found]
        if not found:
            draft.incomplete.add(name)


def _well_formed(draft: Draft, table: str, raw: dict[str, object], model: type[E]) -> list[Located[E]]:
    try:
        return [Located(table, model.model_validate(raw))]
    except ValidationError as error:
        draft.problems += mistakes(error, table, model)
        return []


def mistakes(error: ValidationError, table: str, model: type[BaseModel]) -> Iterator[Problem]:
    """What `model` found wrong in a table, in the words of its descriptions."""
    for one in error.errors(include_url=False):
        path = [str(part) for part in one["loc"] if part != "[key]"]
        yield Problem(table, ".".join(path), _in_words(one["type"], one["msg"], one["input"], path, model))


def _in_words(error_type: str, said: str, found: object, path: list[str], model: type[BaseModel]) -> str:
    model, key = _described(model, path)
    if error_type == "extra_forbidden":
        return _elsewhere(key, model.model_fields) or unknown_key(key, model.model_fields)
    description = model.model_fields[key].description
    match error_type:
        case "missing":
            return f"is missing; it is {description}"
        case "value_error":
            return said.removeprefix("Value error, ")
        case "too_short":
            return f"is empty; it is {description}"
    return f"{_shown(found)} is not right; it has to be {description}"


def _elsewhere(key: str, known: Collection[str]) -> str:
    """A secret that somebody has put into the file; empty: it is none."""
    if f"{key}_env" not in known:
        return ""
    return (
        f"a {key.rpartition('_')[2]} does not belong into this file; put it into an environment variable and name that "
        f"in {key}_env, or into a file readable by the service alone and name that in {key}_file"
    )


def _described(model: type[BaseModel], path: list[str]) -> tuple[type[BaseModel], str]:
    """Where it stands what would be right: of a table within a table the inner one."""
    depth, inner = _TABLES_WITHIN.get(path[0], (0, model))
    return (inner, path[depth]) if len(path) > depth else (model, path[0])


def unknown_key(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown key; {hint}Known: {', '.join(known)}" if hint else f"unknown key; known: {', '.join(known)}"


def _shown(value: object) -> str:
    """The value roughly as it is written in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, Mapping):
        text = "a table"
    elif isinstance(value, list):
        text = "a list"
    else:
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
