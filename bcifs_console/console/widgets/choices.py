"""A list to choose from under a line to type in: what help, the jump and the theme chooser are made of."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from bcifs_console.console.widgets.safe_input import SafeInput


class ChoiceInput(SafeInput):
    """Typed text filters; up and down move in the list below without leaving the line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "next", show=False),
        Binding("up", "move(-1)", "previous", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
    ]

    def action_move(self, by: int) -> None:
        """Move the highlight of the list by so many lines, over what cannot be chosen."""
        choices = self.screen.query_one(OptionList)
        for _ in range(abs(by)):
            if by > 0:
                choices.action_cursor_down()
            else:
                choices.action_cursor_up()
