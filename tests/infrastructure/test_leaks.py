"""A secret that comes into a log fails the run, whoever wrote it: one of each kind is planted."""

import re

import pytest

from tests.infrastructure.leaks import PASSWORD, SECRETS, leaks_on_purpose, secrets_in
from tests.infrastructure.nested import RunPytest

PLUGIN = ("-p", "tests.infrastructure.leaks")
PLANTED = {
    "a password of an upstream": f"logged in with {PASSWORD}",
    "credentials of a call": "POST https://host/panel?authinfo=reseller",
    "a session of an upstream": "asked with auth=0123456789ab",
    "a token": "refused: shop-token",
    "a secret of a webhook": "signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a key": "the key is a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "a password of a database": "can't reach postgresql://resell:hush@host/db",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_found_and_not_where_it_was_replaced(kind: str) -> None:
    assert [one.partition(":")[0] for one in secrets_in(PLANTED[kind])] == [kind]


def test_ordinary_lines_pass() -> None:
    for line in (
        "RESELL_STOREFRONT_TOKENS: tokens are written NAME=TOKEN,NAME=TOKEN",
        "authinfo=‹secret›&out=xml, auth=‹secret›, Bearer ‹secret›, postgresql://resell:‹secret›@host/db",
        "open service 1, operation 1: submitting [request=0123456789abcdef0123456789abcdef]",
        """await self._transport.post(call, {"authinfo": authinfo, **fields})""",
        "the storefront API listens on http://127.0.0.1:8080",
    ):
        assert secrets_in(line) == []


@pytest.mark.proof
def test_the_log_of_the_process(run_pytest: RunPytest) -> None:
    """A record is looked at as it was given, at any level that is shown by default, with its stack."""
    lines = "\n".join(f"    logging.getLogger('far.away').info({text!r})" for text in PLANTED.values())
    with leaks_on_purpose():
        program = run_pytest(f"import logging\n\ndef test_one():\n{lines}\n\ndef test_two(): pass", *PLUGIN)
        stack = """
            import logging

            def test_one():
                try:
                    raise ValueError("hunter22")
                except ValueError:
                    logging.getLogger("far.away").exception("broken")
        """
        of_stack = run_pytest(stack, *PLUGIN)
    assert program.returncode == 1
    assert re.search(r"2 passed\b.* 1 error", program.output)
    for kind in SECRETS:
        assert kind in program.output
    assert (of_stack.returncode, "a password of an upstream" in of_stack.output) == (1, True)


@pytest.mark.parametrize(
    "options", [(), pytest.param(("-n", "1"), marks=pytest.mark.proof)], ids=["one process", "xdist"]
)
def test_what_programs_write_and_files_that_are_left(run_pytest: RunPytest, options: tuple[str, ...]) -> None:
    """Also in a test that ends before the line comes, which is at the end of the run then."""
    test = """
        import sys
        from tests.infrastructure.processes import Program

        def test_output():
            with Program([sys.executable, "-c", "print('authinfo=reseller')"], name="worker") as program:
                program.wait_for_exit()

        def test_printed_for_a_person():
            with Program([sys.executable, "-c", "print('authinfo=reseller')"], name="resell") as program:
                program.wait_for_exit()

        def test_file(tmp_path):
            (tmp_path / "worker.log").write_text("auth=0123456789ab")
    """
    with leaks_on_purpose():
        program = run_pytest(test, *PLUGIN, *options)
    assert program.returncode == 1
    assert re.search(r"3 passed\b.* 1 error", program.output)
    assert "output of worker: credentials of a call" in program.output
    assert "secrets came into logs" in program.output
    assert "worker.log: a session of an upstream" in program.output
