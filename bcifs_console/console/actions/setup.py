"""What a person can do in the section "setup"."""

from typing import Final

from bcifs_console.console.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        "setup.save",
        ("ctrl+s",),
        "save and register",
        "Store the connection with its secrets sealed, and register its webhooks at the store.",
        "setup",
        writes=True,
        priority=True,
    ),
    Action(
        "setup.test_again",
        ("ctrl+t",),
        "test again",
        "Ask both systems once more, as when something was put right there.",
        "setup",
        priority=True,
    ),
)
