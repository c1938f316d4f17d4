"""HOME/console.toml: the colours, the clipboard and the keys of whoever sits in front (docs/console.md).

What concerns the installation is in settings.toml, not here.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.console import themes
from bcifs_console.console.actions import REGISTRY
from bcifs_console.console.keymap import Keymap, clashes, is_key, key_name, long_name
from bcifs_console.operations import files, toml_file, toml_lines

FILE: Final = "console.toml"

_TABLE: Final = re.compile(r"^\s*\[", re.MULTILINE)
_THEME: Final = re.compile(r"^[ \t]*theme[ \t]*=.*$", re.MULTILINE)

Clipboard = Literal["auto", "osc52", "native", "off"]


class ConsoleConfig(BaseModel):
    """The settings of the console's face."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str = themes.DEFAULT  #: one of `themes.NAMES`
    clipboard: Clipboard = "auto"  #: how a copied value leaves: see `clipboard.choose`
    #: action id → keys, in place of its own; none: no key
    keymap: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("theme")
    @classmethod
    def _known_theme(cls, value: str) -> str:
        if value not in themes.NAMES:
            raise ValueError(f"is none of {', '.join(themes.NAMES)}")
        return value

    @field_validator("keymap", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """`orders.retry = "r"` is a table in a table to TOML, `"orders.retry" = "r"` is not: both are meant."""
        return dict(_flattened(value, "")) if isinstance(value, dict) else value

    @field_validator("keymap")
    @classmethod
    def _known_keys(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for action_id, keys in value.items():
            if action_id not in REGISTRY:
                near = difflib.get_close_matches(action_id, REGISTRY, 1)
                raise ValueError(f"no action is called {action_id}" + (f"; is it {near[0]}?" if near else ""))
            for key in keys:
                if not is_key(key):
                    raise ValueError(f"{action_id}: no key is called {key!r}")
        return value

    @model_validator(mode="after")
    def _no_clash(self) -> "ConsoleConfig":
        for key, one, other in clashes(Keymap(self.keymap)):
            raise ValueError(f"keymap: {key_name(key)!r} would do both {one.id} and {other.id}")
        return self


def _flattened(table: Mapping[str, Any], lead: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{lead}{name}.")
        elif isinstance(value, str):
            yield f"{lead}{name}", tuple(long_name(key.strip()) for key in value.split(",") if key.strip())
        else:
            yield f"{lead}{name}", value


def load(home: Path) -> ConsoleConfig:
    """The console's settings, the defaults where there is no file. Raises ConfigurationProblem, UsageProblem."""
    path = home / FILE
    if not path.exists():
        return ConsoleConfig()
    text = toml_file.read_text(path)
    tables = toml_file.parse_toml(path, text)
    try:
        return ConsoleConfig.model_validate(tables)
    except ValidationError as error:
        raise ConfigurationProblem(
            f"{toml_file.complaint(path, error, toml_lines.lines_of(text))}.",
            remedy="Correct the file; docs/console.md names every setting, docs/keys.md every action.",
        ) from None


def save_theme(home: Path, theme: str) -> None:
    """Remember the theme; the rest of the file stays as it is. Raises UsageProblem where it cannot be written."""
    path = home / FILE
    text = toml_file.read_text(path) if path.exists() else ""
    line = f'theme = "{theme}"'
    table = _TABLE.search(text)
    head, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    head = _THEME.sub(line, head, count=1) if _THEME.search(head) else f"{line}\n{head}"
    files.write_whole(path, head + rest)
