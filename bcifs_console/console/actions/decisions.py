"""What a person can do in the section "decisions"."""

from typing import Final

from bcifs_console.console.actions.action import Action

_SECTION: Final = "decisions"


def _decide(name: str, key: str, label: str, text: str, *, in_footer: bool = True) -> Action:
    return Action(f"decisions.{name}", (key,), label, text, _SECTION, writes=True, in_footer=in_footer)


ACTIONS: Final[tuple[Action, ...]] = (
    _decide(
        "create",
        "n",
        "new",
        "Create a new IFS customer for this buyer: shows every call and its fields first, then asks.",
    ),
    Action(
        "decisions.search",
        ("slash",),
        "search IFS",
        "Look for the customer in IFS by id, e-mail or words of the name, and link the buyer to one of those found.",
        _SECTION,
        writes=True,
    ),
    _decide("skip", "x", "leave out", "Do not send this buyer's orders, nor later ones; can be taken back any time."),
    Action(
        "decisions.toggle_answered",
        ("w",),
        "answered",
        "Show the questions that were answered, newest first, or those that wait.",
        _SECTION,
    ),
    _decide(
        "reopen",
        "t",
        "take back",
        "Take an answer back while nothing was sent to IFS because of it; a buyer left out can always be taken in.",
    ),
    _decide(
        "rule",
        "r",
        "rule",
        "One answer for many: all guests of the channel, or everybody of the company's e-mail domain, become one "
        "customer. Shows the past orders it would have covered.",
    ),
    _decide("remark", "m", "note", "Leave a note on the question for whoever looks next."),
    Action(
        "decisions.later",
        ("z",),
        "later",
        "Put this buyer at the end of the list for as long as this console is open.",
        _SECTION,
        in_footer=False,
    ),
    _decide("look_again", "f", "look again", "Ask IFS anew who this buyer may be.", in_footer=False),
    Action(
        "decisions.open_order",
        ("o",),
        "order",
        "Open the newest of the buyer's orders.",
        _SECTION,
        in_footer=False,
    ),
)
