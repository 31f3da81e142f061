"""Every command that the pages name exists, with the options that they give it."""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer.main

from cli.app import app
from stack.embedded import temporal_program
from tests.docs.pages import ALL, OURS, words
from tests.infrastructure.processes import PROJECT

TARGETS = set(re.findall(r"(?m)^\.PHONY: ([\w-]+)", (PROJECT / "Makefile").read_text(encoding="utf-8")))


def named(program: str, *, typed_only: bool = False) -> list[str]:
    found: list[str] = []
    for page in OURS if typed_only else ALL:
        found += page.typed if typed_only else [*page.typed, *page.mentioned]
    return sorted({command for command in found if command.split()[0] == program})


@pytest.mark.parametrize("command", named("make"))
def test_make_has_the_target(command: str) -> None:
    assert words(command)[1] in TARGETS


@pytest.mark.parametrize("command", named("python"))
def test_python_finds_the_program(command: str) -> None:
    match words(command)[1:]:
        case ["-m", module, *_]:
            assert importlib.util.find_spec(module) is not None
        case [file, *_]:
            assert (PROJECT / file).is_file()


def resell_command(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command at the end of a line, and what is left for it."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands") and rest and rest[0] in command.commands:
        _, command, rest = command.resolve_command(typer.Context(command), rest)
    return command, rest


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


@pytest.mark.parametrize("command", named("resell"))
def test_resell_has_the_command_and_the_options(command: str) -> None:
    arguments = words(command)[1:]
    found, rest = resell_command(arguments)
    if hasattr(found, "commands"):
        assert found.invoke_without_command or rest in ([], ["--version"]), f"{found.name} has no {rest}"
        assert all(word.startswith("--") for word in rest[:1]), f"{found.name} has no {rest[0]}"
    assert {word for word in rest if word.startswith("--")} <= options(found)
    assert words_too_many(found, rest) == [], f"{found.name} takes fewer words"


def words_too_many(command: Any, rest: list[str]) -> list[str]:
    """What is left of a line when options, their values and the arguments of the command are taken away."""
    valued = {option for one in command.params if not getattr(one, "is_flag", False) for option in one.opts}
    plain = [
        word
        for before, word in zip(["", *rest], rest, strict=False)
        if not word.startswith("--") and not (before.startswith("--") and before in valued)
    ]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    return [] if any(one.nargs < 0 for one in arguments) else plain[sum(one.nargs for one in arguments) :]


@pytest.mark.parametrize("command", named("resell", typed_only=True))
def test_resell_takes_what_is_typed(command: str) -> None:
    found, rest = resell_command(words(command)[1:])
    found.make_context("resell", rest)  # fails on a missing option, a value of the wrong kind, a word too many


@cache
def temporal_help(*path: str) -> str:
    done = subprocess.run([temporal_program(), *path, "--help"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def subcommands(command: str) -> Iterator[str]:
    for word in words(command)[1:]:
        if word.startswith("-"):
            return
        yield word


@pytest.mark.parametrize("command", named("temporal"))
def test_temporal_has_the_command_and_the_options(command: str) -> None:
    path = tuple(subcommands(command))
    shown = temporal_help(*path)
    assert f"temporal {' '.join(path)}" in shown
    assert [word for word in words(command) if word.startswith("--") and word not in shown] == []
