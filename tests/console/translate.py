"""Write the catalogues of the console anew: `python -m tests.console.translate`. A new text is added with an empty
translation, which a test refuses; one that is gone is dropped."""

from collections.abc import Iterable
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from console.languages import CATALOGUE, ENGLISH, LANGUAGES
from console.sentences import SENTENCES
from tests.console.extraction import messages
from tests.console.sentence_sources import sentences


def main() -> None:
    for language in LANGUAGES:
        if language != ENGLISH:
            for name, texts in ((CATALOGUE, messages()), (SENTENCES, sentences())):
                file = Path(str(files("console"))) / "translations" / language / name
                file.write_bytes(written_anew(file.read_bytes(), language, texts))


def written_anew(old: bytes, language: str, texts: Iterable[str]) -> bytes:
    known = read_po(BytesIO(old), locale=language)
    catalogue = Catalog(locale=language, project="Resellflow", header_comment=known.header_comment, fuzzy=False)
    catalogue.creation_date, catalogue.revision_date = known.creation_date, known.revision_date
    for text in texts:
        before = known.get(text)
        catalogue.add(before.id if before is not None else text, before.string if before is not None else "")
    out = BytesIO()
    write_po(out, catalogue, width=120)
    return out.getvalue()


if __name__ == "__main__":
    main()
