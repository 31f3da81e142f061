"""Does what a mapping says of its add-ons fit together?"""

from collections.abc import Iterable

from catalogue.entries import AddonFormEntry, MappingEntry
from catalogue.problems import Problem
from models.enums import AddonKind
from orders.services.addons import OFF, ON

_OF_A_QUANTITY = ("min", "max", "step")


def addon_problems(table: str, entry: MappingEntry) -> Iterable[Problem]:
    for name, form in entry.addon_forms.items():
        key = f"addon_forms.{name}"
        if name not in entry.addons:
            known = f"known: {', '.join(sorted(entry.addons))}" if entry.addons else "there is none"
            yield Problem(table, key, f"there is no such add-on in addons; {known}")
        match form.kind:
            case AddonKind.QUANTITY:
                yield from _quantity(table, key, form)
            case AddonKind.SWITCH:
                yield from _only_choices(table, key, form)
                for word in sorted((form.choices or {}).keys() - {ON, OFF}):
                    yield Problem(table, f"{key}.choices.{word}", 'a switch has "on" and "off"; leave it out')
                yield from _ambiguous(table, key, {ON: ON, OFF: OFF} | (form.choices or {}))
            case AddonKind.CHOICE:
                yield from _only_choices(table, key, form)
                if not form.choices:
                    yield Problem(table, f"{key}.choices", 'is missing; write it like { lite = "1", pro = "2" }')
                yield from _ambiguous(table, key, form.choices or {})


def _quantity(table: str, key: str, form: AddonFormEntry) -> Iterable[Problem]:
    if form.choices is not None:
        yield Problem(table, f"{key}.choices", 'a quantity has none; leave it out, or write kind = "choice"')
    least = form.min or 0
    if form.max is not None and form.max < least:
        yield Problem(table, f"{key}.max", f"{form.max} is less than min, which is {least}; write {least} or more")
    elif form.max is not None and (form.max - least) % (form.step or 1):
        reached = form.max - (form.max - least) % (form.step or 1)
        yield Problem(
            table, f"{key}.max", f"{form.max} can't be reached in steps of {form.step} from {least}; write {reached}"
        )


def _only_choices(table: str, key: str, form: AddonFormEntry) -> Iterable[Problem]:
    for name in _OF_A_QUANTITY:
        if getattr(form, name) is not None:
            yield Problem(table, f"{key}.{name}", f"a {form.kind.value} has none; leave it out")


def _ambiguous(table: str, key: str, choices: dict[str, str]) -> Iterable[Problem]:
    """Each word of the upstream must stand for one choice of ours."""
    holders: dict[str, str] = {}
    for ours, theirs in choices.items():
        if theirs in holders:
            yield Problem(
                table,
                f"{key}.choices.{ours}",
                f'"{theirs}" is "{holders[theirs]}" already; each choice has a word of its own',
            )
        holders.setdefault(theirs, ours)
