"""What a person can do in the section "orders"."""

from typing import Final

from bcifs_console.console.actions.action import Action


def _order(
    name: str, keys: tuple[str, ...], label: str, text: str, *, in_footer: bool = True, writes: bool = False
) -> Action:
    return Action(f"orders.{name}", keys, label, text, "orders", writes=writes, in_footer=in_footer)


ACTIONS: Final[tuple[Action, ...]] = (
    _order("open_order", (), "open", "Show the whole story of the order under the cursor (Enter)."),
    _order("filter", ("slash",), "filter", "Show only some orders: state:failed, total>100, placed:today, acme, -…"),
    _order("problems", ("e",), "problems", "Only orders that failed or wait for a person; again: all of them."),
    _order("retry", ("r",), "retry", "Look at the marked orders again, or at the one under the cursor.", writes=True),
    _order("follow", ("f",), "follow", "Stay with the newest orders as they come; any move of yours ends it."),
    _order("sort", ("s",), "sort", "Sort by the next column; the other way round with < ; or click a header."),
    _order("reverse", ("less_than_sign",), "reverse", "Sort the other way round.", in_footer=False),
    _order("copy", ("y",), "copy", "Copy the order's number, or the numbers of the marked ones."),
    _order("copy_row", ("Y",), "copy all", "Copy all that the list knows of the order, as JSON.", in_footer=False),
    _order("browse", ("o",), "in store", "Open the order in the store's control panel.", in_footer=False),
    _order("clear_filter", ("ctrl+x",), "all orders", "Take the filter away.", in_footer=False),
)
