"""Reading TOML that people write: what is wrong with a file, said all at once and without its values."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from bcifs_console.base.problems import UsageProblem
from bcifs_console.operations import toml_lines

_INSTEAD = {"missing": "is missing", "extra_forbidden": "is not known"}


_NO_LINES: Final[Mapping[toml_lines.Path, int]] = MappingProxyType({})


def read_toml(path: Path) -> dict[str, Any]:
    """The file as tables. Raises UsageProblem where it cannot be read or is no TOML."""
    return parse_toml(path, read_text(path))


def read_text(path: Path) -> str:
    """The file's text. Raises UsageProblem where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from None
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{path} is not TOML: {error}.", remedy="Save it as UTF-8.") from None


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The text of the file at `path` as tables. Raises UsageProblem where it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"{path} is not TOML: {error}.", remedy="Correct the named line.") from None


def complaint(path: Path, error: ValidationError, lines: Mapping[toml_lines.Path, int] = _NO_LINES) -> str:
    """Every mistake of the file, with its line where `lines` knows it; never the value, which may be a secret."""
    found = []
    for place, message in mistakes(error):
        where = ".".join(str(part) for part in place)
        found.append(at_line(toml_lines.line_of(lines, place), f"{where}: {message}" if where else message))
    return f"{path}: " + "; ".join(found)


def mistakes(error: ValidationError) -> Iterator[tuple[toml_lines.Path, str]]:
    """The place of each mistake and what is wrong there; never the value."""
    for item in error.errors():
        message = _INSTEAD.get(item["type"], item["msg"].removeprefix("Value error, "))
        if item["loc"] == ("policy", "revenue_posting") and item["type"] == "missing":
            message = 'must be chosen: "voucher" or "ifs_invoice" (it decides who books the revenue)'
        yield item["loc"], message


def at_line(line: int | None, text: str) -> str:
    """`line 17: …`, or the text alone."""
    return text if line is None else f"line {line}: {text}"
