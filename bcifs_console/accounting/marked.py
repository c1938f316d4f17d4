"""What the marks on an order's documents (`domain.marks`) mean for its plan: what a person said is shown, an invoice in
IFS is a problem. Pure; neither keeps anything back.
"""

from dataclasses import replace

from bcifs_console.domain import marks
from bcifs_console.domain.documents import Ledger
from bcifs_console.domain.plan import Blocker, Plan, PlanWarning, Reason
from bcifs_console.domain.rules import Policy, RevenuePosting


def marked(found: Plan, ledger: Ledger, order_id: int, policy: Policy) -> Plan:
    """The plan with what the marks say."""
    said = tuple(PlanWarning("answered", text) for text in map(marks.told, ledger.documents) if text)
    twice = _invoiced(ledger, order_id) if policy.revenue_posting is RevenuePosting.VOUCHER else ()
    if not said and not twice:
        return found
    return replace(found, warnings=(*found.warnings, *said), pending=(*twice, *found.pending))


def _invoiced(ledger: Ledger, order_id: int) -> tuple[Blocker, ...]:
    """The revenue of an order that IFS invoiced is booked twice (ACCOUNTING §3)."""
    sent = ledger.customer_order()
    if sent is None or not marks.is_invoiced(sent):
        return ()
    name = sent.reference or sent.key
    return (Blocker(Reason.CONFLICT, marks.invoiced_twice(name), marks.credit_it(order_id), f"invoice of {name}"),)
