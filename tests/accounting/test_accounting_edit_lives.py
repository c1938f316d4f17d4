"""ACCOUNTING §1 and §3 over random lives of orders that the store edits, each edit answered, or not, by a person.

An edited order is planned on its frozen basis and what was answered since; whatever is answered, nothing may be booked
twice, out of balance, or beyond what a line has; and what was adopted, paid and shipped ends at zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from bcifs_console.accounting.adopting import not_adoptable
from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.edits import EditState, edit_state
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.codec import decode_customer_order
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.money import ZERO, cap, rounded
from bcifs_console.domain.orders import Charge, ChargeKind, LineType, Order, TaxRow
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import Policy, Purpose, TaxPoint
from bcifs_console.domain.updates import UpdateKind
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, BookLedger, hours, looked_at, sums
from tests.accounting.building import coherent_line, dec, order
from tests.accounting.lives import Shop
from tests.accounting.test_accounting_lives import CONSUMING, check_balance, check_cash, check_each, check_once

#: A whole life with its answers takes three times as long as one without: fewer, so that CI stays quick.
MANY = 50 if settings.get_current_profile_name() == "ci" else 1_000
CHOICES = (*EditChoice, EditChoice.ADOPT, None)


@dataclass(frozen=True)
class Ware:
    """A line as the shop prices it."""

    number: int
    type: LineType
    price: Decimal
    quantity: int
    rate: Decimal


def ordered(wares: tuple[Ware, ...], shipping: Decimal) -> Order:
    """The order that these wares come to."""
    lines, rows = [], []
    for ware in wares:
        made, tax, _ = coherent_line(
            ware.number, ware.price, ware.quantity, ware.rate, inclusive=False, percent=0, on_ex_side=False
        )
        lines.append(replace(made, type=ware.type))
        rows.append(TaxRow(f"Tax {ware.rate}", ware.rate, tax, "Default", "item", ware.number, 1))
    charges = (Charge(ChargeKind.SHIPPING, shipping, shipping, ZERO, "shipping", 0),) if shipping else ()
    gross = sum((li.discounted_total_inc_tax or ZERO for li in lines), ZERO)
    tax = sum((row.amount for row in rows), ZERO)
    inc, of_tax = rounded(gross, "USD") + shipping, rounded(tax, "USD")
    return order(lines, inc=str(inc), tax=str(of_tax), charges=charges, taxes=tuple(rows))


#: No line is so cheap that it could be rounded off.
prices = st.integers(100, 9000).map(lambda cents: dec(cents) / 100)
types = st.sampled_from([LineType.PHYSICAL] * 3 + [LineType.DIGITAL])
rates = st.sampled_from([dec("20"), dec("20"), dec("7"), dec("0")])
shippings = st.sampled_from([ZERO, dec("5"), dec("7.5")])


@dataclass
class EditShop(Shop):
    """A shop that edits orders after they were sent."""

    wares: tuple[Ware, ...] = ()
    shipping: Decimal = ZERO
    #: every state the order was in, by which it may come back to an earlier one
    past: list[tuple[tuple[Ware, ...], Decimal]] = field(default_factory=list)

    def edit(self) -> None:
        wares, at = list(self.wares), self.draw(st.integers(0, len(self.wares) - 1))
        self.past.append((self.wares, self.shipping))
        match self.draw(st.sampled_from(["price", "quantity", "add", "add", "remove", "shipping", "back"])):
            case "price":
                wares[at] = replace(wares[at], price=self.draw(prices))
            case "quantity":
                wares[at] = replace(wares[at], quantity=self.draw(st.integers(1, 5)))
            case "add":
                numbers = {ware.number for before, _ in self.past for ware in before}
                wares.append(self.draw(wares_numbered(max(numbers) + 1)))
            case "remove" if len(wares) > 1:
                del wares[at]
            case "shipping":
                self.shipping = self.draw(shippings)
            case _:
                before, self.shipping = self.draw(st.sampled_from(self.past))
                wares = list(before)
        self.wares = tuple(wares)
        self.order = ordered(self.wares, self.shipping)

    @property
    def owed(self) -> Decimal:
        """What is left to pay. Cents that an edit added are rounded off at the closing, never paid on their own."""
        left = self.order.total_inc_tax - self.paid
        return left if left > cap("USD") or not self.paid else ZERO

    def capture(self) -> None:
        if self.owed > 0:
            super().capture()

    def complete(self) -> None:
        """Everything that the order has now is paid and shipped."""
        self.status = 10
        self.ship_all()
        if self.owed > 0:
            self._tender("purchase", self.owed)


def wares_numbered(number: int) -> st.SearchStrategy[Ware]:
    return st.builds(Ware, st.just(number), types, prices, st.integers(1, 4), rates)


class EditedLife:
    """What the shop showed at each look, and what was said before it of the order as it was then, if anything.

    No dataclass: Hypothesis would show one by its fields, which run to pages.
    """

    def __init__(self, looks: Sequence[tuple[Order, datetime, EditChoice | None]]) -> None:
        self.looks = looks

    def __repr__(self) -> str:
        return "\n".join(
            f"{choice}: {of.total_inc_tax} with {of.total_tax} tax, status {of.status_id}; lines "
            f"{[(li.id, li.type.value, li.quantity, f'{li.total_inc_tax:f}') for li in of.lines]}; "
            f"tenders {[(t.id, t.event, f'{t.amount:f}') for t in of.tenders or ()]}; "
            f"shipments {[(s.id, [(i.order_line_id, i.quantity) for i in s.items]) for s in of.shipments or ()]}; "
            f"refunds {[(r.id, f'{r.total_amount:f}') for r in of.refunds or ()]}"
            for of, _, choice in self.looks
        )


@st.composite
def edited_lives(draw: st.DrawFn, events: tuple[str, ...], *, only: EditChoice | None = None) -> EditedLife:
    wares = tuple(draw(wares_numbered(number)) for number in range(1, draw(st.integers(1, 3)) + 1))
    shipping = draw(shippings)
    shop = EditShop(draw, ordered(wares, shipping), wares=wares, shipping=shipping)
    looks: list[tuple[Order, datetime, EditChoice | None]] = [(shop.shown, hours(1), None)]
    for happening in draw(st.lists(st.sampled_from(events), min_size=2, max_size=9)):
        shop.hour += draw(st.integers(0, 2))
        getattr(shop, happening)()
        if happening == "edit" or draw(st.booleans()):
            looks.append((shop.shown, hours(shop.hour + 1), only or draw(st.sampled_from(CHOICES))))
        if shop.status in {5, 6}:
            break
    shop.hour += 1
    if only is not None:
        shop.complete()
    looks.append((shop.shown, hours(shop.hour + 1), only or draw(st.sampled_from(CHOICES))))
    return EditedLife(looks)


def stands(books: BookLedger, of: Order) -> EditState:
    """How the order stands to its edits."""
    sent = books.ledger.customer_order()
    assert sent is not None
    return edit_state(decode_customer_order(sent.draft).basis, sent.fact_hash, fact_hash(of), books.answers)


def answered(books: BookLedger, of: Order, choice: EditChoice) -> bool:
    """Answer as `operations.order_edits` does. Whether the answer could be given."""
    before = stands(books, of)
    if not before.is_edited:
        return True
    basis: Basis | None = None
    if choice is EditChoice.ADOPT:
        found = basis_of(of, BOOK_RULES, BOOKS)
        assert isinstance(found, Basis)
        basis = found
        if refused := not_adoptable(basis, books.ledger, before=before.basis):
            event(f"not adoptable: {refused[0].split()[-4:]}")
            return False
    books.answers = (*books.answers, EditAnswer(choice, fact_hash(of), of.modified_at, "ann", "M-1", "", basis))
    return True


def lived_through(life: EditedLife, policy: Policy, seen: Callable[[Plan, EditState], None]) -> tuple[BookLedger, Plan]:
    """The books after every look, each of which begins with the answer, where one is given and can be."""
    books = BookLedger()
    found: Plan | None = None
    for of, seen_at, choice in life.looks:
        if found is not None:
            looked_at(of, books, policy=policy, seen_at=seen_at)  # the edit is seen before it is answered
            if choice is not None:
                answered(books, of, choice)
        found = looked_at(of, books, policy=policy, seen_at=seen_at)
        seen(found, stands(books, of))
        again = looked_at(of, books, policy=policy, seen_at=seen_at)
        assert (again.documents, again.vouchers, again.updates) == ((), (), ())
        assert again.position == found.position
    assert found is not None
    return books, found


def check_taken(books: BookLedger, basis: Basis) -> None:
    """No line or charge gave more than it has, but for cents that an edit moved since they were booked."""
    takes = [take for voucher in books.vouchers for take in voucher.takes if take.kind in CONSUMING]
    parts = {f"line:{line.id}": (line.quantity, line.gross, line.tax) for line in basis.lines}
    parts |= {charge.key: (0, charge.gross, charge.tax) for charge in basis.charges}
    # Of what was adopted away nothing may be left: a shipment of it that vanished is taken back whole.
    for subject in {take.subject for take in takes} | set(parts):
        quantity, gross, tax = parts.get(subject, (0, ZERO, ZERO))
        own = [take for take in takes if take.subject == subject]
        units, taken = sum(take.units for take in own), sum((take.gross for take in own), ZERO)
        assert 0 <= units <= quantity
        assert -cap("USD") <= taken <= gross + (cap("USD") if gross else ZERO)
        if quantity and units == quantity:
            assert abs(taken - gross) <= cap("USD")
            assert abs(sum((take.tax for take in own), ZERO) - tax) <= cap("USD")


EVENTS = (*("edit",) * 4, "capture", "capture", "void", "ship", "ship", "ship_all", "lose_shipment", "take_back")
PLAIN = ("edit", "edit", "capture", "ship")
policies = st.sampled_from(TaxPoint).map(lambda point: replace(BOOKS, tax_point=point))


@settings(max_examples=MANY)
@given(edited_lives((*EVENTS, "give_goodwill", "take_back_all_goods", "cancel")), policies)
def test_whatever_is_answered_no_edited_life_books_wrong_or_twice(life: EditedLife, policy: Policy) -> None:
    def seen(found: Plan, stands: EditState) -> None:
        if stands.is_open or (stands.is_edited and not stands.is_kept):
            assert not found.release
            assert all(update.update_kind is UpdateKind.CANCEL for update in found.updates)

    books, found = lived_through(life, policy, seen)
    end = life.looks[-1][0]
    check_each(books.vouchers, policy)
    check_once(books)
    check_cash(books, end, policy)
    if found.position is not None:
        check_balance(books, found)
    basis = stands(books, end).basis
    assert basis is not None
    check_taken(books, basis)


@settings(max_examples=MANY)
@given(edited_lives(PLAIN, only=EditChoice.ADOPT), policies)
def test_what_was_adopted_paid_and_shipped_ends_at_zero(life: EditedLife, policy: Policy) -> None:
    """Where an edit cannot be adopted it waits, which the other test is about; more paid than it costs stays held."""
    books, found = lived_through(life, policy, lambda _found, _stands: None)
    end = life.looks[-1][0]
    assume(not stands(books, end).is_open)
    assert found.position is not None
    assert found.pending == ()
    more = found.position.paid - end.total_inc_tax
    # Where an edit moved a cent to a line that was booked whole, the closing rounds it off.
    if more > cap("USD"):
        assert abs(found.position.held - more) <= cap("USD")
    else:
        assert found.position.held == ZERO
    assert found.position.is_consumed
    if not found.position.held:
        booked = sums(books.vouchers)
        assert found.position.is_settled
        assert Purpose.TAX_ON_PREPAYMENTS not in booked
        assert abs(booked.get(Purpose.TAX_ACCOUNT, ZERO) + end.total_tax) <= cap("USD")
