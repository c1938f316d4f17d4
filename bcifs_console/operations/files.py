"""Files that other programs read: written whole or not at all, and safe to open in a spreadsheet."""

import contextlib
import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from bcifs_console.base.problems import UsageProblem

#: What makes a spreadsheet take a cell for a formula, the full-width forms included (OWASP, CSV injection).
_FORMULA_LEADS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_whole(path: Path, text: str) -> None:
    """Put `text` in place of the file: readers see the old one or the new one, never a half.

    Raises UsageProblem where the place cannot be written to; then the old file is untouched.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise UsageProblem(
            f"{path} cannot be written: {error.strerror or error}.", remedy="Name a file in a folder you may write to."
        ) from None


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV. Numbers stay numbers; a text that a spreadsheet would carry out gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_LEADS) else text
