"""A list as a table of text: for spreadsheets, and for programs that read CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

Format = Literal["csv", "json"]
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for a formula, in full width too. A customer's name may begin so."""


def columns_of(document: type[BaseModel]) -> list[str]:
    return list(document.model_fields)


def csv_head(columns: Sequence[str]) -> str:
    return _line(columns)


def csv_rows(columns: Sequence[str], items: Iterable[Mapping[str, Any]]) -> str:
    """Lines of CSV (RFC 4180) for documents as JSON has them."""
    return "".join(_line([_cell(item.get(column)) for column in columns]) for item in items)


def _line(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()


def _cell(value: Any) -> str:
    """Money is `5.00 EUR`, other documents and lists are JSON. Text that a spreadsheet would calculate gets a `'`."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case {"amount": amount, "currency": currency} if len(value) == 2:
            text = f"{amount} {currency}"
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False) if value else ""
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text
