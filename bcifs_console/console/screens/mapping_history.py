"""How the rules of one purpose came to be what they are: who, when, why, and what went and came."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.mapping_words import purpose_title, when
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD, STRONG
from bcifs_console.domain.rules import MappingRule, Purpose
from bcifs_console.store.views.mappings import Version


class MappingHistoryScreen(ModalScreen[None]):
    """Every change of the purpose's rules, newest first."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,H", "close", "close")]

    def __init__(self, purpose: Purpose, versions: Sequence[Version]) -> None:
        super().__init__()
        self.purpose: Final = purpose
        self.versions: Final = versions

    def compose(self) -> ComposeResult:
        with Vertical(classes="mapping-dialog"):
            yield Static(Content(f"{purpose_title(self.purpose)}: every change, newest first"), classes="dialog-title")
            yield Static(
                Content("Esc closes. A rule is never changed in place: each has a name for good."),
                classes="dialog-hint",
            )
            with VerticalScroll(id="history-scroll"):
                yield Static(history_words(self.versions), id="history-text")

    def on_mount(self) -> None:
        """Up and down scroll."""
        self.query_one("#history-scroll").focus()

    def action_close(self) -> None:
        """Back to the rules."""
        self.dismiss(None)


def history_words(versions: Sequence[Version]) -> Content:
    """The changes, one below the other."""
    if not versions:
        return Content.styled("There never was a rule here.", DIM)
    lines: list[Content] = []
    for version in versions:
        why = f": {safe_text(version.reason)}" if version.reason else ""
        lines.append(
            Content.assemble((f"{version.at:%Y-%m-%d %H:%M} UTC  ", DIM), (safe_text(version.actor), STRONG), (why, ""))
        )
        lines += [_line("-", rule, BAD) for rule in version.gone]
        lines += [_line("+", rule, GOOD) for rule in version.came]
        lines.append(Content(""))
    return Content("\n").join(lines[:-1])


def _line(sign: str, rule: MappingRule, colour: str) -> Content:
    return Content.assemble(
        (f"  {sign} {rule.label:<22} ", colour), when(rule.conditions), ("  →  ", DIM), safe_text(rule.result)
    )
