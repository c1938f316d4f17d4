"""`?`: everything that can be done here, with its key; typing filters, Enter does it."""

from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bcifs_console.console.actions import EVERYWHERE, REGISTRY, of_section
from bcifs_console.console.keymap import Keymap, key_name
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.widgets.choices import ChoiceInput
from bcifs_console.console.widgets.lines import DIM, wrapped

_KEYS: Final = 12
_LABEL: Final = 16


class HelpScreen(ModalScreen[str | None]):
    """Answers with the id of the action to do, None where it is closed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]

    def __init__(self, screen: ConsoleScreen, keymap: Keymap) -> None:
        super().__init__()
        self.about: Final = screen
        self.keymap: Final = keymap
        self.moves: Final = _moves(screen)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall"):
            yield Static(Content(f"Keys · {self.about.TITLE_TEXT}"), classes="dialog-title")
            yield ChoiceInput(placeholder="type to filter, Enter does it", id="filter")
            yield OptionList(id="choices")
            yield Static(Content("↑ ↓ choose   Enter do it   Esc close"), classes="dialog-hint")

    @property
    def room(self) -> int:
        """Cells of a line of the list; every option has a margin of one at either side."""
        return max(_KEYS + _LABEL + 12, self.query_one(OptionList).scrollable_content_region.width - 2)

    def on_resize(self) -> None:
        """The width is known, or another."""
        self.show_matching(self.query_one(Input).value)

    @on(Input.Changed, "#filter")
    def take_filter(self, event: Input.Changed) -> None:
        """Show only what matches."""
        self.show_matching(event.value)

    def show_matching(self, text: str) -> None:
        """Fill the list: this screen first, then the list in focus, then what works everywhere."""
        words = text.lower().split()
        choices = self.query_one(OptionList)
        choices.clear_options()
        options: list[Option] = []
        for title, section in ((self.about.TITLE_TEXT, self.about.SECTION), ("Everywhere", EVERYWHERE)):
            found = [
                Option(self.line(action.id), id=action.id)
                for action in of_section(section)
                if _matches(words, self.keymap.shown(action), action.label, action.help)
            ]
            options += _headed(title, found)
            if section != EVERYWHERE:
                moves = [
                    Option(_columns(keys, label, "", self.room), disabled=True)
                    for keys, label in self.moves
                    if _matches(words, keys, label)
                ]
                options += _headed("In the list", moves)
        choices.add_options(options or [Option(Content("Nothing matches; Esc closes."), disabled=True)])
        choices.action_first()

    def line(self, action_id: str) -> Content:
        """One action: key, label, what it does, and why it cannot be done now."""
        action = REGISTRY[action_id]
        reason = self.about.reason_against(action_id)
        return _columns(self.keymap.shown(action), action.label, action.help, self.room, reason or "")

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """A click or Enter in the list."""
        self.dismiss(event.option_id)

    @on(Input.Submitted)
    def choose_highlighted(self) -> None:
        """Enter in the filter does what is highlighted."""
        choices = self.query_one(OptionList)
        if choices.highlighted is not None:
            self.dismiss(choices.get_option_at_index(choices.highlighted).id)


def _moves(screen: ConsoleScreen) -> list[tuple[str, str]]:
    """Keys of what is in focus that no action of the registry stands behind: moving in a list."""
    own = {key for action in of_section(screen.SECTION) for key in action.keys}
    found: dict[str, list[str]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.id not in REGISTRY and active.node is screen.focused and binding.description and key not in own:
            found.setdefault(binding.description, []).append(key_name(key))
    return [(" ".join(keys), label) for label, keys in found.items()]


def _headed(title: str, options: list[Option]) -> list[Option]:
    if not options:
        return []
    return [Option(Content.styled(title, "bold $primary"), disabled=True), *options]


def _matches(words: list[str], *texts: str) -> bool:
    whole = " ".join(texts).lower()
    return all(word in whole for word in words)


def _columns(keys: str, label: str, text: str, width: int, reason: str = "") -> Content:
    """`r  retry  Work on the order now …`, what does not fit going on below its beginning."""
    style = "$text-disabled" if reason else ""
    head = Content.assemble(
        (keys.ljust(_KEYS), style or "bold $footer-key-foreground"), " ", (label.ljust(_LABEL), style), " "
    )
    room = width - _KEYS - _LABEL - 2
    told = [Content.styled(line, DIM) for line in wrapped(text, room)]
    if reason:
        told += [Content.styled(line, "$text-warning") for line in wrapped(f"not now: {reason}", room)]
    below = Content("\n" + " " * (_KEYS + _LABEL + 2))
    is_long = cell_len(keys) > _KEYS or cell_len(label) > _LABEL  # then all that is told goes on below
    return (head + below if is_long and told else head) + below.join(told)
