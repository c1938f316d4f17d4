"""What a person can do in the section "order"."""

from typing import Final

from bcifs_console.console.actions.action import Action


def _tab(name: str, keys: tuple[str, ...], label: str, text: str) -> Action:
    return Action(f"order.{name}", keys, label, text, "order", in_footer=False)


ACTIONS: Final[tuple[Action, ...]] = (
    Action("order.retry", ("r",), "retry now", "Look at the order at once, as if the store had told of it.", "order",
           writes=True),
    Action("order.decide", ("d",), "decision", "Go to the question about this order's buyer.", "order"),
    Action("order.skip", ("x",), "leave out", "Leave this order out, with a note; or take it in again.", "order",
           writes=True, danger=True),
    Action("order.answer_edit", ("a",), "answer the edit", "The store edited the order after it was sent: say how it "
           "goes on, keep, adopt, or by hand.", "order", writes=True, danger=True),
    Action("order.newer", ("left_square_bracket",), "newer", "The order placed after this one.", "order"),
    Action("order.older", ("right_square_bracket",), "older", "The order placed before this one.", "order"),
    Action("order.copy", ("y",), "copy", "Copy the order's number.", "order"),
    Action("order.copy_all", ("Y",), "copy all", "Copy the tab in front as text.", "order", in_footer=False),
    Action("order.calls", ("c",), "calls", "Show or fold every call to IFS in the story.", "order", in_footer=False),
    Action("order.raw", ("v",), "JSON", "The order as the store told it, as JSON or as people read it.", "order",
           in_footer=False),
    _tab("show_story", ("t",), "story", "What happened to the order, step by step, and how long each step took."),
    _tab("show_plan", ("p",), "plan", "What stands in IFS beside what would be posted now, and what is in the way."),
    _tab("show_in", ("i",), "in", "The order as the store showed it last: lines, charges, money, parcels, refunds."),
    _tab("show_out", ("o",), "out", "Every document in IFS, with its rows and its calls."),
    _tab("show_why", ("w",), "why", "For every amount: the store's field, the mapping rule, the field in IFS."),
    _tab("show_errors", ("e",), "errors", "What is in the way, and which key or command resolves it."),
    Action("order.next_tab", ("right", "l", "tab"), "next tab", "The tab to the right.", "order", in_footer=False,
           priority=True),
    Action("order.previous_tab", ("left", "h", "shift+tab"), "previous tab", "The tab to the left.", "order",
           in_footer=False, priority=True),
)  # fmt: skip
