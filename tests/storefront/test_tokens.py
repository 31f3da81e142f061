"""Tokens that would let the wrong caller in are refused at the start, and no token is ever printed."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from models.enums import Role
from settings import Settings, load_settings, settings_in_words

SECRET = "s3cret-s3cret-s3cret"


@pytest.mark.parametrize(
    ("storefronts", "operators", "told"),
    [
        (
            f"a={SECRET}",
            f"ops={SECRET}",
            "name 1 of RESELL_STOREFRONT_TOKENS and name 1 of RESELL_OPERATOR_TOKENS have",
        ),
        (f"a={SECRET},b={SECRET}", "", "have the same token"),
        ("a=replace-me", "", "the token of name 1 of RESELL_STOREFRONT_TOKENS is the placeholder"),
        ("", "ops=Replace-Me", "the token of name 1 of RESELL_OPERATOR_TOKENS is the placeholder"),
        (
            ",".join(f"a={SECRET}{number}" for number in range(3)),
            "",
            "name 1 of RESELL_STOREFRONT_TOKENS has more than two tokens",
        ),
        (f"a={SECRET},a={SECRET}", "", "have the same token"),
        (f"a={SECRET}", f"a={SECRET}2", "name 1 of RESELL_STOREFRONT_TOKENS is in RESELL_OPERATOR_TOKENS, too"),
        (SECRET, "", "RESELL_STOREFRONT_TOKENS: tokens are written NAME=TOKEN"),
    ],
)
def test_tokens_that_do_not_tell_callers_apart_are_refused(
    monkeypatch: pytest.MonkeyPatch, storefronts: str, operators: str, told: str
) -> None:
    monkeypatch.setenv("RESELL_STOREFRONT_TOKENS", storefronts)
    monkeypatch.setenv("RESELL_OPERATOR_TOKENS", operators)
    with pytest.raises(ValidationError) as refused:
        load_settings()
    assert told in settings_in_words(refused.value)
    for text in (settings_in_words(refused.value), str(refused.value)):
        assert SECRET not in text


@pytest.mark.proof
def test_the_worker_prints_no_value_of_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_OPERATOR_TOKENS", f"{SECRET}-without-a-name")
    ended = subprocess.run([sys.executable, "worker.py"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "RESELL_OPERATOR_TOKENS: tokens are written NAME=TOKEN" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


def test_tokens_of_several_callers_are_taken_and_a_name_may_have_two() -> None:
    settings = Settings.model_validate(
        {"storefront_tokens": "a=12345678,b=23456789,a=12345679", "operator_tokens": "c=34567890"}
    )
    assert list(settings.callers()) == [
        ("a", Role.STOREFRONT, "12345678"),
        ("a", Role.STOREFRONT, "12345679"),
        ("b", Role.STOREFRONT, "23456789"),
        ("c", Role.ADMIN, "34567890"),
    ]
