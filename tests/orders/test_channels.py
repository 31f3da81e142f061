"""The file of the channels: mistakes name the field, and never say what stands there."""

from pathlib import Path

import pytest

from models.enums import IncidentKind, Role
from orders.inbox.causes import KINDS, Cause, runbook
from orders.notifications.channels import ChannelsFileError, read_channels
from orders.notifications.subjects import CARDS
from telemetry.secrecy import without_secrets
from tests.infrastructure.processes import PROJECT

WORD = "gRx7vQ2mLp"
GOOD = f'to = "mailtos://resellflow:{WORD}@mail.example.com?to=ops@example.com"'


def read(tmp_path: Path, text: str) -> str:
    """What is wrong with it."""
    file = tmp_path / "channels.toml"
    file.write_text(text)
    with pytest.raises(ChannelsFileError) as error:
        read_channels(str(file))
    assert WORD not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"[channels.office]\n{GOOD}\nquiet = '22-7'",
            "channels.office.quiet: must be two times of the day, e.g. 22:00",
        ),
        (
            f"[channels.office]\n{GOOD}\ndigest = '25:00'",
            "channels.office.digest: must be a time of the day, e.g.",
        ),
        (f"[channels.office]\n{GOOD}\ntime_zone = 'Mars'", "channels.office.time_zone: must be an IANA time zone"),
        (f"[channels.office]\n{GOOD}\ncauses = ['cash']", "channels.office.causes: Input should be 'decide'"),
        (f"[channels.office]\n{GOOD}\nrole = 'admin'", "channels.office.role: there is no such field"),
        ("[channels.office]\nquiet = '22:00-07:00'", "channels.office.to: is missing"),
        (f"[channels.office]\nto = '{WORD}'", "channels.office.to: must be an address that Apprise knows"),
        (
            f"[channels.office]\nto = 'json://a.example/{WORD}, json://b.example'",
            "channels.office.to: must be one address",
        ),
        (f"[channels.Office]\n{GOOD}", "the name of a channel has 1 to 32 letters"),
        (f"console = 'shop.example'\n[channels.office]\n{GOOD}", "console: "),
        (f"channels = '{WORD}'", "channels must be tables: [channels.NAME]"),
        (f"[channels.office\n{GOOD}", "is not TOML: see line 1"),
        ("\ud800", "is not text in UTF-8"),
    ],
)
def test_a_mistake_names_its_field(tmp_path: Path, text: str, said: str) -> None:
    if text == "\ud800":
        (tmp_path / "channels.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(ChannelsFileError, match=said):
            read_channels(str(tmp_path / "channels.toml"))
        return
    assert said in read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChannelsFileError, match=r"no\.toml can't be read: No such file"):
        read_channels(str(tmp_path / "no.toml"))


def test_the_password_of_an_address_is_kept_out_of_every_line(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text(f"[channels.office]\n{GOOD}")
    [office] = read_channels(str(tmp_path / "channels.toml")).channels
    assert office.causes == frozenset(Cause)
    assert WORD not in repr(office)
    assert WORD not in without_secrets(f"535 wrong password {WORD} for resellflow")


def test_every_incident_is_in_the_table_and_has_its_page() -> None:
    assert set(KINDS) == set(IncidentKind)
    assert Role.STOREFRONT not in {known.acts for known in KINDS.values()}
    operations = (PROJECT / "docs" / "operations.md").read_text()
    headings = {
        line.lstrip("# ").strip("`").lower().replace(" ", "-") for line in operations.splitlines() if line[:1] == "#"
    }
    for anchor in [*(kind.value for kind in KINDS), *(card.anchor for card in CARDS.values())]:
        assert anchor in headings
        assert runbook(anchor).endswith(f"#{anchor}")


def test_the_table_in_the_docs_is_the_one_in_the_code() -> None:
    page = (PROJECT / "docs" / "notifications.md").read_text()
    rows = [
        line
        for line in page.splitlines()
        if line.startswith("| [`") and "](operations.md#" in line and line.count("|") == 5
    ]
    assert rows == [
        f"| [`{kind}`](operations.md#{kind}) | `{known.cause}` | {known.acts} | {'yes' if known.costs else 'no'} |"
        for kind, known in KINDS.items()
    ]
