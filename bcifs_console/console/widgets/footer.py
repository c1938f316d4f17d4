"""The line of keys at the bottom: `? help` first and never cut off, then what can be done here, greyed if not now.

What does not fit is left out from the right; the help screen has all of it.
"""

from typing import ClassVar, Final

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from bcifs_console.console.keymap import key_name
from bcifs_console.console.widgets.columns import say_the_same

_FIRST: Final = "everywhere.help"
#: The first and the last section: all of them are told as one entry.
_SECTIONS: Final = ("everywhere.show_overview", "everywhere.show_log")
_GAP: Final = 2


class Footer(Widget):
    """The keys of the screen in front; a click does what the key does."""

    ALLOW_SELECT = False
    DEFAULT_CSS: ClassVar[str] = """
    Footer { dock: bottom; height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: list[tuple[range, str]] = []  # the cells of each entry drawn, and its key
        self._shown: list[tuple[str, Content]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self.take_bindings)

    def take_bindings(self, _screen: Screen[object]) -> None:
        """Draw the keys anew: focus moved or something can now be done, or no longer."""
        if self.is_attached and not _are_the_same(self.entries(), self._shown):
            self.refresh()

    def render(self) -> Content:
        """`? help  r retry  …`"""
        drawn: list[Content] = []
        self.places.clear()
        at = 0
        self._shown = self.entries()
        for key, shown in self._shown:
            if drawn and at + shown.cell_length > self.size.width:
                continue
            self.places.append((range(at, at + shown.cell_length), key))
            at += shown.cell_length + _GAP
            drawn.append(shown)
        return Content(" " * _GAP).join(drawn)

    def on_click(self, event: events.Click) -> None:
        """A click on an entry is its key."""
        at = event.get_content_offset(self)
        for place, key in self.places if at is not None else ():
            if at is not None and at.x in place and key:
                self.app.simulate_key(key)

    def entries(self) -> list[tuple[str, Content]]:
        """Key and text of what to show, each action once: help first, then the sections, then what is done here."""
        first: list[tuple[str, Content]] = []
        shown: dict[str, tuple[str, Content]] = {}
        sections: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id in _SECTIONS:
                sections[binding.id] = binding.key
            elif binding.show and binding.description:
                entry = (binding.key, _entry(binding.key, binding.description, is_enabled=active.enabled))
                if binding.id == _FIRST:
                    first = [entry]
                shown.setdefault(binding.id or binding.action, entry)
        shown.pop(_FIRST, None)
        if len(sections) == len(_SECTIONS):
            keys = "-".join(key_name(sections[each]) for each in _SECTIONS)
            first.append(("", _entry(keys, "screens", is_enabled=True)))
        return [*first, *shown.values()]


def _are_the_same(some: list[tuple[str, Content]], others: list[tuple[str, Content]]) -> bool:
    return [key for key, _ in some] == [key for key, _ in others] and say_the_same(
        [shown for _, shown in some], [shown for _, shown in others]
    )


def _entry(key: str, text: str, *, is_enabled: bool) -> Content:
    if not is_enabled:
        return Content.styled(f"{key_name(key)} {text}", "$text-disabled")
    return Content.assemble((key_name(key), "bold $footer-key-foreground"), " ", text)
