"""What a person can do in the section "mappings"."""

from typing import Final

from bcifs_console.console.actions.action import Action

_SECTION: Final = "mappings"


def _do(
    name: str, keys: tuple[str, ...], label: str, text: str, *, footer: bool = True, danger: bool = False
) -> Action:
    return Action(f"mappings.{name}", keys, label, text, _SECTION, writes=True, danger=danger, in_footer=footer)


def _see(name: str, keys: tuple[str, ...], label: str, text: str, *, footer: bool = True) -> Action:
    return Action(f"mappings.{name}", keys, label, text, _SECTION, in_footer=footer)


ACTIONS: Final[tuple[Action, ...]] = (
    _do("edit", ("e",), "edit", "Change the rule under the cursor, or make the one that is missing (also Enter)."),
    _do("add", ("plus", "a"), "add", "Write a rule; it stands before the one under the cursor."),
    _do("delete", ("D",), "delete", "Take the rule under the cursor out; nothing is saved before ctrl+s."),
    _do("move_up", ("K",), "up", "Try the rule under the cursor before the one above it.", footer=False),
    _do("move_down", ("J",), "down", "Try the rule under the cursor after the one below it.", footer=False),
    _do("save", ("ctrl+s",), "review, save", "Show what the edits change and whom they let go; then save, or not."),
    _do("take_back", ("U",), "take back", "Take the last edit back that is not saved.", footer=False),
    _do("discard", ("X",), "discard", "Give up every edit that is not saved.", footer=False),
    _see("check", ("v",), "check in IFS", "Ask IFS whether everything the rules lead to is there and open."),
    _see("history", ("H",), "history", "Who changed the rules of this purpose, when and why."),
    _see("open_order", ("o",), "order", "Open the oldest order that waits for the rule.", footer=False),
    _see("previous_connection", ("left_square_bracket",), "previous shop", "The mapping before.", footer=False),
    _see("next_connection", ("right_square_bracket",), "next shop", "The next connection's mapping.", footer=False),
)
