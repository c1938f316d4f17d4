"""What marks on documents mean for a plan: an invoice in IFS is a problem, an answer is told, nothing is kept back."""

from dataclasses import replace

from bcifs_console.accounting.plan import plan
from bcifs_console.domain.documents import Ledger, LedgerPart, PartState
from bcifs_console.domain.marks import ACCEPTED, CREDITED, INVOICED
from bcifs_console.domain.plan import Plan, Reason
from bcifs_console.domain.rules import Policy
from tests.accounting import bookkeeping
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, BookLedger, hours, lived, looked_at, tender
from tests.accounting.building import KNOWN, line, order

PAID = lived(order([line(1, ex="100", inc="120")], inc="120", tax="20"), tenders=(tender(44, "120"),))


def marked(name: str, said: str, policy: Policy = BOOKS) -> Plan:
    """The order again, paid a second time, after its customer order was marked."""
    books = BookLedger()
    looked_at(PAID, books, policy=policy)
    sent, *others = books.ledger.documents
    mark = LedgerPart(name, 9, PartState.CONFIRMED, said)
    held = Ledger((replace(sent, parts=(mark,)), *others))
    again = replace(PAID, tenders=(tender(44, "120"), tender(45, "5")))
    return plan(again, KNOWN, BOOK_RULES, policy, held, seen_at=hours(1000))


def test_an_invoice_is_a_problem_where_vouchers_book_the_revenue_and_keeps_nothing_back() -> None:
    found = marked(INVOICED, "Invoiced")
    (problem,) = found.pending
    assert (problem.reason, "booked twice" in problem.message) == (Reason.CONFLICT, True)
    assert "Credit the invoice" in problem.remedy
    assert "bcifs orders accept 5001" in problem.remedy
    assert [voucher.key for voucher in found.vouchers] == ["BC-5001/PAY/45"]
    assert marked(INVOICED, "Invoiced", bookkeeping.INVOICED).pending == (), "IFS's invoices book it there"


def test_what_a_person_answered_is_told_and_asks_nothing() -> None:
    for name, said, words in ((INVOICED, CREDITED, "was credited"), (ACCEPTED, "121.00", "IFS shows 121.00 USD")):
        found = marked(name, said)
        assert found.pending == ()
        (told,) = [warning for warning in found.warnings if warning.code == "answered"]
        assert words in told.message
