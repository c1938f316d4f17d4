"""One voucher while it is written: entries by purpose and the takes behind them (ACCOUNTING §3). No accounts yet.

A sheet balances by construction where every debit has its credit in the same call; the customer balance is one net
entry. What the facts are worth is decided by `shipping`, `refunds` and `closing`; accounts are found in `accounts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bcifs_console.accounting.consumption import ORDER_SUBJECT, TAX_SUBJECT, Books, Part, Step, TaxKey
from bcifs_console.accounting.mapping import Facts, facts_of_order, go_to
from bcifs_console.domain.basis import BasisCharge, BasisLine
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import ChargeKind, LineType, Order
from bcifs_console.domain.rules import ConditionField, Purpose
from bcifs_console.domain.vouchers import Take, TakeKind

_INCOME_OF_CHARGE: Final = {
    ChargeKind.SHIPPING: Purpose.SHIPPING_INCOME,
    ChargeKind.HANDLING: Purpose.HANDLING_INCOME,
    ChargeKind.WRAPPING: Purpose.WRAPPING_INCOME,
    ChargeKind.FEE: Purpose.FEE_INCOME,
}
_NO_FACTS: Final[Facts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount for one purpose, debit positive, with the facts by which its account is found."""

    purpose: Purpose
    amount: Decimal
    facts: Facts
    subject: str = ""  #: line:17, shipping, tender:44
    named: str = ""  #: how a missing rule is named to people
    line: BasisLine | None = None  #: whose frozen account and code parts are used
    tax_code: str = ""


class Subjects:
    """The facts of an order and of everything on its basis, worked out once."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._known: dict[str, Facts] = {}
        self.order: Facts = MappingProxyType(facts_of_order(order))

    def of(self, part: Part) -> Facts:
        """The facts of a line or charge as it was frozen."""
        found = self._known.get(part.subject)
        if found is None:
            found = self._known[part.subject] = self.of_source(part.source)
        return found

    def tax(self, key: TaxKey, subject: Facts = _NO_FACTS) -> Facts:
        """The facts of a tax of one kind. What is not known of it is left out, so that no rule about it matches."""
        facts = {**self.order, **subject, ConditionField.TAX_CODE: key.code}
        if not subject:
            go_to(self._order, key.address_id, facts)
        known = (
            (ConditionField.TAX_NAME, key.name),
            (ConditionField.TAX_CLASS, key.tax_class),
            (ConditionField.TAX_RATE, key.rate),
        )
        facts.update((field, text) for field, text in known if text)
        return facts

    def tender(self, method: str, gateway: str) -> Facts:
        """The facts of money that came or goes by a gateway."""
        facts = {**self.order, ConditionField.GATEWAY: gateway}
        facts.pop(ConditionField.PAYMENT_METHOD, None)
        if method:
            facts[ConditionField.PAYMENT_METHOD] = method
        return facts

    def of_source(self, source: BasisLine | BasisCharge) -> Facts:
        """The same of the line or charge itself."""
        facts = dict(self.order)
        facts[ConditionField.NAME] = source.name
        if isinstance(source, BasisCharge):
            facts[ConditionField.CHARGE] = source.kind.value
        else:
            facts[ConditionField.SKU] = source.sku
            facts[ConditionField.LINE_TYPE] = source.type.value
            go_to(self._order, source.address_id, facts)
        return facts


class Sheet:
    """The entries and takes of one voucher. Takes go on `books` at once, so each step sees the one before."""

    def __init__(self, subjects: Subjects, books: Books, *, by_record: bool = False) -> None:
        self.subjects = subjects
        self.books = books
        self.amount = ZERO  #: what the fact is worth
        self.held = ZERO  #: what the voucher does to the customer balance: money held more is positive
        self._by_record = by_record
        self._entries: list[Entry] = []
        self._takes: list[Take] = []
        self._used = [ZERO] * len(books.tax_keys)

    def post(
        self, purpose: Purpose, debit: Decimal, facts: Facts | None = None, *, subject: str = "", named: str = ""
    ) -> None:
        """One entry: a debit, or a credit where it is negative."""
        self._add(Entry(purpose, debit, self.subjects.order if facts is None else facts, subject, named))

    def income(self, part: Part, debit: Decimal) -> None:
        """An entry on the income account of a charge, the revenue account or the liability of a line."""
        self._add(self._of_part(income_purpose(part), part, debit))

    def returns(self, part: Part, debit: Decimal) -> None:
        """What is given back of goods that were revenue; a gift certificate's own liability, a charge's own income."""
        purpose = income_purpose(part)
        self._add(self._of_part(Purpose.RETURNS if purpose is Purpose.REVENUE else purpose, part, debit))

    def retained(self, part: Part, kept: Decimal) -> None:
        """What the shop keeps of a refunded share; where it gave more than the share, goodwill."""
        purpose = Purpose.RETAINED_INCOME if kept > 0 else Purpose.GOODWILL
        self.post(purpose, -kept, self.subjects.of(part), subject=part.subject)

    def tax(self, part: Part, index: int, debit: Decimal) -> None:
        """An entry on the account of one tax share of a part."""
        key = self.books.tax_keys[self.books.tax_index(part, part.shares[index])]
        self.tax_of(key, debit, self.subjects.of(part), part.subject)

    def tax_of(self, key: TaxKey, debit: Decimal, facts: Facts = _NO_FACTS, subject: str = TAX_SUBJECT) -> None:
        """An entry on the tax account of one kind of tax."""
        named = " ".join(filter(None, ("tax_account", key.code, key.name, key.rate and f"{key.rate} %")))
        self._add(Entry(Purpose.TAX_ACCOUNT, debit, self.subjects.tax(key, facts), subject, named, tax_code=key.code))

    def tax_due(self, part: Part, shares: tuple[Decimal, ...], due: tuple[Decimal, ...]) -> None:
        """Credit the tax `due` of a share's taxes: from tax on prepayments as far as its share was declared.

        The two differ only where a refund gives tax back: of share tax t with r given back, t - r is due, and what
        was declared of t is used up.
        """
        for index, (share, credit) in enumerate(zip(shares, due, strict=True)):
            position = self.books.tax_index(part, part.shares[index])
            used = max(ZERO, min(share, self.books.declared_left(position)))
            self.use_declared(position, used, part.subject)
            self.tax(part, index, used - credit)

    def use_declared(self, position: int, used: Decimal, subject: str = TAX_SUBJECT) -> None:
        """Credit tax on prepayments."""
        if not used:
            return
        key = self.books.tax_keys[position]
        self.books.used[position] += used
        self._used[position] += used
        self._add(Entry(Purpose.TAX_ON_PREPAYMENTS, -used, self.subjects.tax(key), subject))

    def declare(self, position: int, amount: Decimal) -> None:
        """Tax declared on a prepayment, or taken back where negative."""
        key = self.books.tax_keys[position]
        self._add(Entry(Purpose.TAX_ON_PREPAYMENTS, amount, self.subjects.tax(key), TAX_SUBJECT))
        self.tax_of(key, -amount)

    def recognise(self, part: Part, step: Step, units: int = 0) -> None:
        """Move a share from the customer balance to income and tax."""
        self.held -= step.gross
        self.amount += step.gross
        self.income(part, -step.net)
        self.tax_due(part, step.taxes, step.taxes)
        self.take(TakeKind.RECOGNISE, part, step, units)

    def take(self, kind: TakeKind, part: Part, step: Step, units: int = 0) -> None:
        """Note what is taken of a part, and put it on the books."""
        self.note(Take(kind, part.subject, units, step.gross, step.tax, step.taxes))

    def note(self, take: Take) -> None:
        self.books.apply((take,), by_record=self._by_record)
        self._takes.append(take)

    @property
    def takes(self) -> tuple[Take, ...]:
        """The takes, with the declared tax used in one."""
        if not any(self._used):
            return tuple(self._takes)
        used = Take(TakeKind.USE_TAX, TAX_SUBJECT, tax=sum(self._used, ZERO), taxes=tuple(self._used))
        return (*self._takes, used)

    def entries(self) -> Iterator[Entry]:
        """Every entry that is not 0, the customer balance first, as one."""
        if self.held:
            yield Entry(Purpose.CUSTOMER_BALANCE, -self.held, self.subjects.order, ORDER_SUBJECT)
        yield from (entry for entry in self._entries if entry.amount)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def _of_part(self, purpose: Purpose, part: Part, debit: Decimal) -> Entry:
        source = part.source
        line = source if isinstance(source, BasisLine) else None
        code = part.shares[0].code if part.shares else ""
        return Entry(purpose, debit, self.subjects.of(part), part.subject, _named(purpose, source), line, code)


def income_purpose(part: Part) -> Purpose:
    """What a part becomes when it is recognised."""
    source = part.source
    if isinstance(source, BasisCharge):
        return _INCOME_OF_CHARGE[source.kind]
    is_gift = source.type is LineType.GIFT_CERTIFICATE
    return Purpose.GIFT_CERTIFICATE_LIABILITY if is_gift else Purpose.REVENUE


def _named(purpose: Purpose, source: BasisLine | BasisCharge) -> str:
    if isinstance(source, BasisCharge):
        return purpose.value
    return f"{purpose.value} {f'SKU {source.sku}' if source.sku else f'item {source.name!r}'}"
