"""What a person can do in the section "jobs"."""

from typing import Final

from bcifs_console.console.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("jobs.open", ("enter",), "open", "Open the order, or the orders of the group.", "jobs"),
    Action(
        "jobs.retry",
        ("r",),
        "retry",
        "Try the group again: one order first, the rest once it is in IFS. An order in the queue: now.",
        "jobs",
        writes=True,
    ),
    Action(
        "jobs.retry_all",
        ("A",),
        "retry all",
        "Try every group again, one order of each first.",
        "jobs",
        writes=True,
        in_footer=False,
    ),
    Action(
        "jobs.give_up",
        ("x",),
        "give up",
        "Leave the order out, with a note. Of a group whose first order is on its way or stuck: let nothing more go.",
        "jobs",
        writes=True,
        danger=True,
    ),
    Action(
        "jobs.pause",
        ("P",),
        "pause",
        "Take up no more orders of the connection under the cursor, or go on where it is paused.",
        "jobs",
        writes=True,
    ),
    Action("jobs.next_page", ("right_square_bracket", "tab"), "next list", "Show the next list.", "jobs"),
    Action(
        "jobs.previous_page",
        ("left_square_bracket", "shift+tab"),
        "previous list",
        "Show the list before.",
        "jobs",
        in_footer=False,
    ),
)
