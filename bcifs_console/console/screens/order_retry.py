"""Looking at chosen orders again: the question where there are several, and the deed, connection by connection."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from bcifs_console.console import text
from bcifs_console.operations.order_due import sync
from bcifs_console.store.views import order_list
from bcifs_console.store.views.order_list import unpacked

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp

#: So many orders are marked due in one write; others wait for no more than that.
_AT_ONCE: Final = 500


async def look_again(desk: "ConsoleApp", chosen: Sequence[int], connections: Mapping[int, str]) -> bool:
    """Make the orders due. Several are asked about first; False where the answer is no. Raises Problems.

    There is nothing to undo: a look reads, and sends what is missing, as the next event of the order would.
    """
    if len(chosen) > 1 and not await _is_wanted(desk, chosen):
        return False
    for name, numbers in _by_connection(chosen, connections):
        await desk.gateway.act(partial(sync, order_ids=numbers, connection=name))
    what = f"Order {unpacked(chosen[0])[1]} is" if len(chosen) == 1 else f"{len(chosen):,} orders are"
    desk.notify_done(f"{what} due: looked at again now")
    return True


async def _is_wanted(desk: "ConsoleApp", chosen: Sequence[int]) -> bool:
    sums = await desk.gateway.read(partial(order_list.totals, row_ids=chosen))
    worth = ", ".join(text.money(total, currency) for currency, total in sorted(sums.items()))
    lines = [f"Together {worth}." if worth else "None of them was read yet."]
    lines.append("Each is read from the store and what is missing in IFS is sent; nothing is sent twice.")
    answer: bool = await desk.confirm(f"Look at {len(chosen):,} orders again?", lines, count=len(chosen))
    return answer


def _by_connection(chosen: Sequence[int], connections: Mapping[int, str]) -> Iterator[tuple[str, Sequence[int]]]:
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for row_id in chosen:
        connection_id, order_id = unpacked(row_id)
        numbers[connection_id].append(order_id)
    for connection_id, found in numbers.items():
        for start in range(0, len(found), _AT_ONCE):
            yield connections[connection_id], found[start : start + _AT_ONCE]
