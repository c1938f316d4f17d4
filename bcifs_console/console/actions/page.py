"""docs/keys.md from the registry: `python -m bcifs_console.console.actions.page > docs/keys.md`."""

import sys
from collections.abc import Iterator
from typing import Final

from bcifs_console.console.actions import EVERYWHERE, REGISTRY, Action, of_section
from bcifs_console.console.keymap import key_name
from bcifs_console.console.sections import SECTIONS
from bcifs_console.console.widgets.virtual_table import VirtualTable

_TITLES: Final = {EVERYWHERE: "Everywhere", "order": "Order", **{name: told[0] for name, told in SECTIONS.items()}}

_HEAD: Final = """# Keys of the console

Made from the action registry by `python -m bcifs_console.console.actions.page`; a test fails where it is stale. `?`
in the console shows the same for the screen in front. To change keys, name the action in `console.toml`
(see [console.md](console.md)).

*writes*: greyed under `--readonly`. *asks*: asks before it does it.
"""


def page() -> str:
    """The whole page."""
    sections = dict.fromkeys(action.section for action in REGISTRY.values())
    return "\n".join([_HEAD, *(line for section in sections for line in _section(section)), *_lists()])


def _section(section: str) -> Iterator[str]:
    yield f"## {_TITLES[section]}\n"
    yield "| keys | does | action |"
    yield "|---|---|---|"
    for action in of_section(section):
        yield f"| {_keys(action.keys)} | {_told(action)} | `{action.id}` |"
    yield ""


def _told(action: Action) -> str:
    notes = [word for word, is_so in (("writes", action.writes), ("asks", action.danger)) if is_so]
    after = f" *{', '.join(notes)}*" if notes else ""
    return f"**{action.label}**: {action.help}{after}"


def _keys(keys: tuple[str, ...]) -> str:
    return " ".join(f"`{_escaped(key_name(key))}`" for key in keys) or "palette"


def _escaped(shown: str) -> str:
    return "\\|" if shown == "|" else shown


def _lists() -> Iterator[str]:
    """The keys of every long list, which are the list's own."""
    yield "## In a list\n"
    yield "| keys | does |"
    yield "|---|---|"
    for binding in VirtualTable.BINDINGS:
        if not isinstance(binding, tuple) and binding.description:
            yield f"| {_keys(tuple(key.strip() for key in binding.key.split(',')))} | {binding.description} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
