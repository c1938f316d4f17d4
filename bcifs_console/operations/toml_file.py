"""Reading TOML that people write: what is wrong with a file, said all at once and without its values."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bcifs_console.base.problems import UsageProblem

_INSTEAD = {"missing": "is missing", "extra_forbidden": "is not known"}


def read_toml(path: Path) -> dict[str, Any]:
    """The file as tables. Raises UsageProblem where it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{path} is not TOML: {error}.", remedy="Correct the named line.") from None


def complaint(path: Path, error: ValidationError) -> str:
    """Every mistake of the file; never the value, which may be a secret."""
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        message = _INSTEAD.get(item["type"], item["msg"].removeprefix("Value error, "))
        if where == "policy.revenue_posting" and item["type"] == "missing":
            message = 'must be chosen: "voucher" or "ifs_invoice" (it decides who books the revenue)'
        lines.append(f"{where}: {message}")
    return f"{path}: " + "; ".join(lines)
