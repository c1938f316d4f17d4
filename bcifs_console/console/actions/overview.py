"""What a person can do in the section "overview"."""

from typing import Final

from bcifs_console.console.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("overview.open", ("enter",), "open", "Open what the cursor is on: the thing that needs you.", "overview"),
    Action("overview.other_list", ("tab",), "other list", "Go to the other list of the screen.", "overview"),
    Action(
        "overview.pause",
        ("P",),
        "pause",
        "Take up no more orders of any connection, or go on where they are paused.",
        "overview",
        writes=True,
    ),
)
