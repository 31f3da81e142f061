"""What tells one row of a list from another, and what is refused before anything is read."""

import pytest

from upstreams.billmanager.wire import Document, NotADocument, Row

ROW = '<elem><id>1</id><domain>a</domain><status orig="2">Active</status><note/></elem>'


def row(text: str) -> Row:
    (found,) = Document.parse(f"<doc>{text}</doc>".encode()).raw_rows
    return found


@pytest.mark.parametrize(
    "other",
    [
        ROW.replace(">a<", ">b<"),
        ROW.replace('orig="2"', 'orig="3"'),
        ROW.replace(' orig="2"', ""),
        ROW.replace("domain", "name"),
        ROW.replace("<note/>", ""),
        ROW.replace("<note/>", "<note><b/></note>"),
        ROW.replace("<note/>", "<note/><b/>"),
        ROW.replace("<domain>a</domain>", "").replace("<id>", "<domain>a</domain><id>"),
    ],
)
def test_whatever_differs_in_a_row_makes_another_digest(other: str) -> None:
    assert row(other).digest != row(ROW).digest


@pytest.mark.parametrize("same", [ROW, ROW.replace("<note/>", "<note></note>"), f"\n  {ROW}\n"])
def test_a_row_that_is_only_written_differently_is_the_same(same: str) -> None:
    assert row(same).digest == row(ROW).digest


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (ROW, "1"),
        ('<elem><id orig="7">seven</id></elem>', "7"),
        ("<elem><id><b/></id><id>8</id></elem>", "8"),
        ("<elem><domain>a</domain></elem>", ""),
    ],
)
def test_the_number_of_a_row(text: str, number: str) -> None:
    assert row(text).number == number


BOMB = '<!DOCTYPE doc [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><doc><id>&b;</id></doc>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        f"<?xml version='1.0'?>\n<!-- {'x' * 100_000} -->{BOMB}".encode(),
        b'<!DOCTYPE doc SYSTEM "http://192.0.2.1/x.dtd"><doc/>',
        b"<!DOCTYPE doc><doc/>",
        b"<doc>&unknown;</doc>",
        b"<doc>",
        b"",
    ],
)
def test_a_dtd_and_what_is_no_xml_are_refused(body: bytes) -> None:
    with pytest.raises(NotADocument):
        Document.parse(body)


def test_the_words_of_a_dtd_in_a_text_are_words() -> None:
    assert Document.parse(b"<doc><note><![CDATA[<!DOCTYPE doc>]]></note></doc>").fields["note"].text == "<!DOCTYPE doc>"
