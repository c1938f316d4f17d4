"""An IFS invoice on an order whose revenue vouchers book: seen where a look reads the order's head anyway.

It is noted on the customer order, and the order is looked at again: its plan says what is to be done. Reconciliation
notes the same of every order it reads.
"""

from bcifs_console.domain.marks import is_invoiced_state
from bcifs_console.domain.rules import RevenuePosting
from bcifs_console.ifs.records import OrderHead
from bcifs_console.store import marks
from bcifs_console.sync.runtime import Runtime


async def note_invoice(runtime: Runtime, head: OrderHead) -> None:
    """Note it where the head that was just read says so."""
    if runtime.policy.revenue_posting is not RevenuePosting.VOUCHER or not is_invoiced_state(head.state):
        return
    states = {head.reference: head.state}
    await runtime.database.write(lambda tx: marks.note_states(tx, runtime.id, states))
