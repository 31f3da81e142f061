"""What others wrote does nothing to the terminal of whoever reads it."""

import json

import pytest

from cli.printing import Column, print_fields, print_json, print_table, print_text, say_on, shown

EVIL = "\x1b[2J\x1b]0;title\x07red\x9b31m \u202egnp.exe\u2066\r\x7f"
TAME = "·[2J·]0;title·red·31m ·gnp.exe···"


def test_words_of_others_are_tame_wherever_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_text(EVIL)
    say_on(False)(EVIL)
    print_fields([("name", EVIL)])
    print_table([Column("name")], [[EVIL]], nothing="")

    printed = capsys.readouterr().out
    assert printed.count(TAME) == 4
    assert printed.replace("\n", "").isprintable()
    assert shown({"a": EVIL}) == f"a={TAME}"


def test_json_says_the_same_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": EVIL, "plain": "Ünïcode – 漢字"})

    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": EVIL, "plain": "Ünïcode – 漢字"}
    assert printed.replace("\n", "").isprintable()
    assert "Ünïcode – 漢字" in printed


def test_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("1. do it\n2. see\tto it")
    assert capsys.readouterr().out == "1. do it\n2. see to it\n"
