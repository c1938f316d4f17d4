"""Leaving one order out, asked about before, and taking it in again: for every screen that has an order at hand."""

from functools import partial
from typing import TYPE_CHECKING

from bcifs_console.base.problems import UsageProblem
from bcifs_console.console.screens.note import AskScreen
from bcifs_console.console.text import money
from bcifs_console.operations import order_skip
from bcifs_console.operations.case_view import Case, case
from bcifs_console.store.views import OrderView

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp


def why_not_left_out(found: Case) -> str | None:
    """Why the order cannot be left out; None where it can."""
    if any(not document.is_planned and not document.is_fresh for document in found.documents):
        return "IFS has, or may have, something of it: cancel the order in the store instead"
    return None


async def give_up(desk: "ConsoleApp", connection_id: int, order_id: int) -> bool:
    """Leave out an order of which a screen knows the number alone. False where it was not done; from a worker only."""
    found = await desk.gateway.read(partial(case, connection_id=connection_id, order_id=order_id))
    if found is None or found.left_out is not None:
        desk.say(f"Order {order_id} is left out already.")
        return False
    if (reason := why_not_left_out(found)) is not None:
        desk.say(f"Give up order {order_id}: {reason}.", severity="warning")
        return False
    return await leave_out(desk, found.order)


async def leave_out(desk: "ConsoleApp", order: OrderView) -> bool:
    """Ask for a note and for yes, then do it. False where it was not done; from a worker only."""
    title = f"Leave order {order.order_id} out"
    note = await desk.push_screen_wait(
        AskScreen(title, "Nothing of it is sent to IFS. Why?", placeholder="a note for its story", check=_a_note)
    )
    worth = "It" if order.total is None else f"Its {money(order.total, order.currency)}"
    if note is None or not await desk.confirm(
        f"{title}?",
        [
            f"{worth} will not be in IFS; the books say why.",
            f"Note: {note}",
            "u takes it back; x on the order takes it in again later.",
        ],
    ):
        return False
    skip = partial(order_skip.skip, connection_id=order.connection_id, order_id=order.order_id, note=note)
    unskip = partial(order_skip.unskip, connection_id=order.connection_id, order_id=order.order_id)
    return await desk.carry_out(skip, lambda _: desk.notify_done(f"Order {order.order_id} is left out", unskip))


async def take_in_again(desk: "ConsoleApp", order: OrderView, note: str) -> bool:
    """Take an order in again that was left out with that note. False where that could not be done."""
    skip = partial(order_skip.skip, connection_id=order.connection_id, order_id=order.order_id, note=note or "-")
    unskip = partial(order_skip.unskip, connection_id=order.connection_id, order_id=order.order_id)
    return await desk.carry_out(unskip, lambda _: desk.notify_done(f"Order {order.order_id} is taken in again", skip))


def _a_note(value: str) -> None:
    if not value.strip():
        raise UsageProblem("Say why: a note is needed.")
