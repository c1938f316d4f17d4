"""Every invariant of ACCOUNTING §3, over random lives of orders, posted little by little and all at once."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from hypothesis import event, given
from hypothesis import strategies as st

from bcifs_console.accounting.tenders import cash_of
from bcifs_console.domain.basis import Basis, BasisCharge, BasisLine
from bcifs_console.domain.codec import decode_customer_order, decode_voucher, encode
from bcifs_console.domain.money import CAP_MINOR_UNITS, ZERO, minor_unit
from bcifs_console.domain.movements import RefundItemType
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Plan, Reason
from bcifs_console.domain.rules import Policy, Purpose, TaxPoint
from bcifs_console.domain.vouchers import TakeKind, VoucherDraft, VoucherKind
from tests.accounting.bookkeeping import BOOKS, INVOICED, BookLedger, hours, looked_at, sums
from tests.accounting.lives import Life, finished_lives, lives

CASH = {Purpose.CLEARING, Purpose.GIFT_CERTIFICATE_LIABILITY, Purpose.STORE_CREDIT_LIABILITY}
CONSUMING = {TakeKind.RECOGNISE, TakeKind.REVERSE, TakeKind.REFUND_HELD}
policies = st.builds(
    lambda point, start: replace(BOOKS, tax_point=point, post_from=start),
    st.sampled_from(TaxPoint),
    st.sampled_from([None, None, None, hours(3), hours(6)]),
)


def lived_through(life: Life, policy: Policy, *, at_once: bool = False, by_hand: int = 0) -> tuple[BookLedger, Plan]:
    """The books after every look of a life, or after the last alone; every `by_hand`-th voucher booked by a person."""
    books = BookLedger(by_hand)
    found: Plan | None = None
    for of, seen_at in life.looks[-1:] if at_once else life.looks:
        found = looked_at(of, books, policy=policy, seen_at=seen_at, rate=life.rate)
        for blocker in found.pending:
            event(f"pending {blocker.reason}")
    assert found is not None
    return books, found


def basis_in(books: BookLedger) -> Basis | None:
    document = books.ledger.customer_order()
    return decode_customer_order(document.draft).basis if document else None


def check_each(vouchers: Iterable[VoucherDraft], policy: Policy) -> None:
    """Every voucher balances in both currencies, has no empty rows, and is of no fact before the start."""
    for voucher in vouchers:
        assert voucher.debits == voucher.credits
        assert sum((row.accounting_amount for row in voucher.rows), ZERO) == ZERO
        assert voucher.at >= policy.posts_from
        unit = minor_unit(voucher.currency)
        for row in voucher.rows:
            assert row.account
            assert min(row.debit, row.credit) == ZERO
            assert max(row.debit, row.credit) > ZERO
            assert row.amount % unit == 0
        same = [(r.purpose, r.account, r.code_parts, r.tax_code, r.debit > 0) for r in voucher.rows]
        assert len(same) == len(set(same))
        assert decode_voucher(encode(voucher)) == voucher


def check_once(books: BookLedger) -> None:
    """Each shipment, refund and counted tender stands in at most one entry."""
    assert len(books.keys) == len(set(books.keys))
    facts = [voucher.fact for voucher in books.vouchers]
    assert len(facts) == len(set(facts))


def check_steps(books: BookLedger, basis: Basis) -> None:
    """No line or charge gives more than it has; one consumed in full gave all of it, each share of tax included."""
    takes = [take for voucher in books.vouchers for take in voucher.takes if take.kind in CONSUMING]
    parts: list[tuple[str, BasisLine | BasisCharge]] = [(f"line:{line.id}", line) for line in basis.lines]
    parts += [(charge.key, charge) for charge in basis.charges]
    for subject, whole in parts:
        quantity = whole.quantity if isinstance(whole, BasisLine) else 0
        own = [take for take in takes if take.subject == subject]
        units, gross, tax = (
            sum(t.units for t in own),
            sum((t.gross for t in own), ZERO),
            sum((t.tax for t in own), ZERO),
        )
        assert 0 <= units <= quantity
        assert all(sum(t.taxes, ZERO) == t.tax for t in own)
        if quantity and units == quantity:
            assert (gross, tax) == (whole.gross, whole.tax)
            if whole.taxes and all(t.taxes for t in own):
                by_share = [sum(column, ZERO) for column in zip(*(t.taxes for t in own), strict=True)]
                assert by_share == [share.amount for share in whole.taxes]
        if not quantity:
            assert ZERO <= gross <= whole.gross


def cash_booked(vouchers: Iterable[VoucherDraft]) -> Decimal:
    booked = ZERO
    for voucher in vouchers:
        for row in voucher.rows:
            if row.purpose in CASH:
                match voucher.voucher_kind:
                    case VoucherKind.PAYMENT | VoucherKind.VOID:
                        booked += row.amount
                    case VoucherKind.REFUND:
                        booked -= row.credit
                    case _:
                        pass
    return booked


def check_cash(books: BookLedger, of: Order, policy: Policy) -> None:
    """Cash booked = tenders counted − voids − refunds paid, of the facts that were posted."""
    names = set(books.keys)
    cash = cash_of(of, policy)
    paid = sum((t.amount for t in cash.counted if f"PAY/{t.id}" in names), ZERO)
    voided = sum((v.amount for v in cash.voids if f"VOID/{v.void.id}" in names), ZERO)
    refunded = sum((p.amount for r in of.refunds or () if f"REFUND/{r.id}" in names for p in r.payments), ZERO)
    assert cash_booked(books.vouchers) == paid - voided - refunded


def check_balance(books: BookLedger, found: Plan) -> None:
    """The position is the balance of the vouchers, and what is before the start."""
    assert found.position is not None
    booked = sum((voucher.balance for voucher in books.vouchers), ZERO)
    assert found.position.held == booked + found.position.before_start
    assert -sums(books.vouchers).get(Purpose.CUSTOMER_BALANCE, ZERO) == booked
    if not booked:
        rows = [row for v in books.vouchers for row in v.rows if row.purpose is Purpose.CUSTOMER_BALANCE]
        assert sum((row.accounting_amount for row in rows), ZERO) == ZERO


def check_tax(books: BookLedger, of: Order, policy: Policy) -> None:
    """Tax owed is what was taken with goods and charges, less what refunds gave back, to the cap of each refund."""
    if policy.post_from is not None:
        return
    booked = sums(books.vouchers)
    owed = -booked.get(Purpose.TAX_ACCOUNT, ZERO) - booked.get(Purpose.TAX_ON_PREPAYMENTS, ZERO)
    taken = sum((t.tax for v in books.vouchers for t in v.takes if t.kind in CONSUMING), ZERO)
    posted = [r for r in of.refunds or () if f"REFUND/{r.id}" in books.keys]
    cap = CAP_MINOR_UNITS * minor_unit(of.currency) * sum(1 + len(r.items) for r in posted)
    assert abs(owed - (taken - sum((r.total_tax for r in posted), ZERO))) <= cap


def check_all(books: BookLedger, found: Plan, life: Life, policy: Policy) -> None:
    basis = basis_in(books)
    check_each(books.vouchers, policy)
    check_once(books)
    check_cash(books, life.end, policy)
    if found.position is not None:
        check_balance(books, found)
    if basis is not None:
        assert basis.is_consistent
        check_steps(books, basis)
        check_tax(books, life.end, policy)
    assert not [blocker for blocker in found.pending if blocker.reason in {Reason.TOTALS, Reason.MAPPING}]


@given(lives(), policies, st.integers(0, 3))
def test_a_life_posted_little_by_little_keeps_every_invariant(life: Life, policy: Policy, by_hand: int) -> None:
    """Whoever books a voucher in IFS, the program or a person."""
    books, found = lived_through(life, policy, by_hand=by_hand)
    check_all(books, found, life, policy)


@given(lives(), policies)
def test_a_life_seen_after_an_outage_keeps_every_invariant(life: Life, policy: Policy) -> None:
    books, found = lived_through(life, policy, at_once=True)
    check_all(books, found, life, policy)


@given(lives(), policies)
def test_a_second_look_finds_nothing_more_to_post(life: Life, policy: Policy) -> None:
    books, first = lived_through(life, policy)
    of, seen_at = life.looks[-1]
    again = looked_at(of, books, policy=policy, seen_at=seen_at, rate=life.rate)
    assert (again.documents, again.vouchers, again.updates) == ((), (), ())
    assert again.position == first.position


@given(finished_lives(), st.sampled_from(TaxPoint))
def test_an_order_fully_paid_and_fully_consumed_ends_at_zero(life: Life, point: TaxPoint) -> None:
    policy = replace(BOOKS, tax_point=point)
    for at_once in (False, True):
        books, found = lived_through(life, policy, at_once=at_once)
        check_all(books, found, life, policy)
        assert found.pending == ()
        assert found.position is not None
        assert found.position.is_settled
        assert found.position.held == ZERO
        assert "CLOSE" in books.keys
        assert Purpose.TAX_ON_PREPAYMENTS not in sums(books.vouchers)


@given(finished_lives())
def test_little_by_little_and_all_at_once_book_the_same_cash_and_tax_of_goods(life: Life) -> None:
    """Which units a refund takes may differ with what was known; money and what was consumed may not."""
    (slow, _), (fast, _) = lived_through(life, BOOKS), lived_through(life, BOOKS, at_once=True)
    assert cash_booked(slow.vouchers) == cash_booked(fast.vouchers)
    for books in (slow, fast):
        basis = basis_in(books)
        assert basis is not None
        taken = [t for v in books.vouchers for t in v.takes if t.kind in CONSUMING]
        assert sum((t.gross for t in taken), ZERO) == basis.gross
        assert sum((t.tax for t in taken), ZERO) == basis.tax


@given(lives())
def test_where_ifs_invoices_no_life_books_revenue_tax_or_income(life: Life) -> None:
    for at_once in (False, True):
        books, found = lived_through(life, INVOICED, at_once=at_once)
        check_each(books.vouchers, INVOICED)
        check_once(books)
        check_cash(books, life.end, INVOICED)
        assert {v.voucher_kind for v in books.vouchers} <= {
            VoucherKind.PAYMENT,
            VoucherKind.VOID,
            VoucherKind.REFUND,
        }
        assert {row.purpose for v in books.vouchers for row in v.rows} <= {*CASH, Purpose.CUSTOMER_BALANCE}
        assert all(not v.takes for v in books.vouchers)
        if found.position is not None:
            check_balance(books, found)


@given(lives())
def test_an_order_level_refund_never_carries_tax(life: Life) -> None:
    books, _ = lived_through(life, BOOKS)
    for refund in life.end.refunds or ():
        key = f"REFUND/{refund.id}"
        if key in books.keys and refund.items and all(i.type == RefundItemType.ORDER for i in refund.items):
            assert {row.purpose for row in books.voucher(key).rows} <= {Purpose.GOODWILL, *CASH}
