"""What tells one row of a list from another, and what is refused before anything is read."""

import time
from contextlib import suppress

import pytest

from upstreams.billmanager.trees import DEPTH, NotADocument
from upstreams.billmanager.wire import Document, Row

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
        b"<doc>\x0b",
        b"<doc>&nbsp;<a></doc>",
        b"<doc>\xff<elem><id>7</id></elem>",
        b"\x0b" + BOMB.encode(),
        b'<?xml version="1.0" encoding="no-such"?><doc>\x0b</doc>',
        ("<doc>\x0b</doc>").encode("utf-16"),
        b"<doc>",
        b"",
    ],
)
def test_a_dtd_and_what_is_no_xml_are_refused(body: bytes) -> None:
    with pytest.raises(NotADocument):
        Document.parse(body)


def test_the_words_of_a_dtd_in_a_text_are_words() -> None:
    assert Document.parse(b"<doc><note><![CDATA[<!DOCTYPE doc>]]></note></doc>").fields["note"].text == "<!DOCTYPE doc>"


@pytest.mark.parametrize(
    ("characters", "shown"),
    [
        (b"a\x0bb\x00", "a\ufffdb\ufffd"),
        (b"caf\xe9", "caf\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        ("a\ufffe".encode(), "a\ufffd"),
        (b"&#xD800;&#0;&#11;&#x110000;", "\ufffd" * 4),
        (b"&#" + b"9" * 9_000 + b";", "\ufffd"),
        (b"\x1b[31m&#x41;&amp;", "\ufffd[31mA&"),
        (b"&unknown;", "&unknown;"),
        (b"AT&T &nbsp;&lt;&#65;", "AT&T &nbsp;<A"),
        (b"<![CDATA[func=x&elid=7]]>\x01", "func=x&elid=7\ufffd"),
    ],
)
def test_characters_that_xml_does_not_know_are_replaced(characters: bytes, shown: str) -> None:
    document = Document.parse(
        b"<doc><elem><id>1</id><name>" + characters + b"</name></elem><elem><id>2</id></elem></doc>"
    )
    first, second = document.rows
    assert (first["id"].text, first["name"].text, second["id"].text) == ("1", shown, "2")


def test_such_characters_in_another_encoding() -> None:
    body = '<?xml version="1.0" encoding="windows-1251"?><doc><name>Имя\x0b</name></doc>'.encode("cp1251")
    assert Document.parse(body).fields["name"].text == "Имя\ufffd"


@pytest.mark.proof
def test_taming_takes_no_longer_for_much_of_it() -> None:
    for much in (b"&#", b"&", b"&#x", b"\x00", b"<![CDATA[", b"&#9", b"\xff"):
        begun = time.process_time()
        with suppress(NotADocument):
            Document.parse(b"<doc>\x0b" + much * 300_000 + b"</doc>")
        assert time.process_time() - begun < 1.5, much


@pytest.mark.parametrize("depth", [DEPTH, 900, 100_000])
def test_a_row_of_endless_nesting_stands_alone(depth: int) -> None:
    deep = b"<elem><id>1</id>" + b"<a>" * depth + b"</a>" * depth + b"<name>one</name></elem>"
    first, second = Document.parse(b"<doc>" + deep + b"<elem><id>2</id></elem></doc>").raw_rows
    assert (first.number, first.fields["name"].text, second.number) == ("1", "one", "2")
