"""The time machine's engine: what a past order would become under given rules, and how two such answers differ.

Pure, offline, and without effect: an order is planned anew from its snapshot and an empty ledger, with every amount
from the basis that was frozen when it was posted, if it was. Amounts are those of the order's own currency: the rate
into the company's is no business of rules. Where snapshots come from is the caller's business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from bcifs_console.accounting.mapping import RuleBook
from bcifs_console.accounting.plan import plan
from bcifs_console.accounting.rebase import rebased
from bcifs_console.accounting.vouchers import keep_books
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.buyers import Known
from bcifs_console.domain.codec import decode_customer_order, decode_order
from bcifs_console.domain.documents import CustomerOrderDraft, Ledger, TaxTreatment
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Policy, RevenuePosting, Rules, VoucherTransport
from bcifs_console.domain.vouchers import VoucherDraft

#: Stands for a buyer that nobody knows yet: rules do not ask who it is.
_SOMEBODY: Final = Known("?", "replay")
_NOTHING: Final = Ledger()


@dataclass(frozen=True, slots=True)
class Past:
    """One order as it was kept: its snapshot, when that was read, and what was frozen when it was posted."""

    order: Order
    seen_at: datetime
    customer_id: str = ""
    basis: Basis | None = None  #: None: not posted, or by a version that froze none
    is_named: bool = False  #: a backfill named it, so that it counts whenever it was placed

    @classmethod
    def of(cls, snapshot: str, draft: str, *, seen_at: datetime, customer_id: str, is_named: bool) -> Self:
        """An order from the texts it was kept as (domain.codec); `draft` is empty where no customer order was made.

        Raises ValueError where the snapshot cannot be read any more.
        """
        order = decode_order(snapshot)
        return cls(order, seen_at, customer_id, _frozen(draft), is_named)


def _frozen(draft: str) -> Basis | None:
    try:
        return decode_customer_order(draft).basis if draft else None
    except ValueError:
        return None  # what was sent can no longer be read: the snapshot must do


@dataclass(frozen=True, slots=True)
class Replayed:
    """What an order becomes under given rules."""

    order_id: int
    currency: str
    documents: tuple[CustomerOrderDraft, ...] = ()
    vouchers: tuple[VoucherDraft, ...] = ()
    blockers: tuple[Blocker, ...] = ()  #: whatever keeps all or some of it back

    @property
    def unmapped(self) -> tuple[Blocker, ...]:
        """What no rule covers."""
        return tuple(blocker for blocker in self.blockers if blocker.reason is Reason.MAPPING)


def replay(past: Past, rules: Rules, policy: Policy) -> Replayed:
    """Every document the order would get if it were seen for the first time, whole as it is now.

    A posted order's vouchers take their amounts from its frozen basis; its customer order is drawn up from the
    snapshot, like that of any other. Where the rules hold the customer order back there are no vouchers either; where
    the snapshot no longer adds up (the store forgets taxes after a refund) those of the basis stand all the same.
    """
    order = past.order
    applied = policy.for_named() if past.is_named else policy
    customer = Known(past.customer_id) if past.customer_id else _SOMEBODY
    if past.basis is None:
        found = plan(order, customer, rules, applied, _NOTHING, seen_at=past.seen_at)
        return Replayed(order.id, order.currency, found.documents, found.vouchers, found.stops)
    without = replace(applied, voucher_transport=VoucherTransport.OFF)
    found = plan(order, customer, rules, without, _NOTHING, seen_at=past.seen_at)
    held_back = any(blocker.reason is Reason.MAPPING for blocker in found.blockers)
    if held_back or not applied.makes_vouchers:
        return Replayed(order.id, order.currency, found.documents, (), found.stops)
    books = keep_books(
        order,
        rebased(past.basis, order, RuleBook(rules), applied),
        rules,
        applied,
        _NOTHING,
        seen_at=past.seen_at,
        reference=applied.order_reference.format(order_id=order.id),
    )
    if isinstance(books, Blocker):
        return Replayed(order.id, order.currency, found.documents, (), (*found.stops, books))
    return Replayed(order.id, order.currency, found.documents, books.drafts, (*found.stops, *books.pending))


# -- comparing -------------------------------------------------------------------------------------------------------


class Effect(StrEnum):
    """How an order fares under proposed rules, beside those in force."""

    SAME = "same"
    DIFFERENT = "different"
    NEWLY_BLOCKED = "newly_blocked"  #: something of it would wait for a rule that it does not wait for now
    NEWLY_FREE = "newly_free"  #: it waits for a rule now and would not


@dataclass(frozen=True, slots=True)
class Difference:
    """One amount that would go another way, or to another place, than now. None where there is nothing on one side."""

    document: str
    part: str
    before: str | None
    after: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an account would be debited more (credited more: negative) by one order."""

    account: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Compared:
    """One order under two sets of rules."""

    order_id: int
    currency: str
    effect: Effect
    differences: tuple[Difference, ...] = ()
    accounts: tuple[AccountChange, ...] = ()
    blockers: tuple[Blocker, ...] = ()  #: what would newly stand in the way, or what would be out of it


def compare(before: Replayed, after: Replayed, policy: Policy) -> Compared:
    """How `after` differs from `before`. Which rule said a thing, and which version of it, is no difference.

    Accounts are those of vouchers, and those of order lines where IFS invoices book the revenue by them.
    """
    differences = tuple(_differences(before, after))
    gone = tuple(blocker for blocker in before.unmapped if blocker not in after.unmapped)
    new = tuple(blocker for blocker in after.unmapped if blocker not in before.unmapped)
    if after.unmapped and not before.unmapped:
        effect = Effect.NEWLY_BLOCKED
    elif before.unmapped and not after.unmapped:
        effect = Effect.NEWLY_FREE
    else:
        effect = Effect.DIFFERENT if differences or new or gone else Effect.SAME
    accounts = tuple(_account_changes(before, after, with_lines=not _vouchers_book_revenue(policy)))
    return Compared(after.order_id, after.currency, effect, differences, accounts, new or gone)


def _vouchers_book_revenue(policy: Policy) -> bool:
    return policy.makes_vouchers and policy.revenue_posting is RevenuePosting.VOUCHER


#: Where an amount stands, and what is said about it: (document, part) → (what, amount).
_Places = Mapping[tuple[str, str], tuple[str, Decimal]]


def _differences(before: Replayed, after: Replayed) -> Iterator[Difference]:
    old, new = dict(_places(before)), dict(_places(after))
    for place in dict.fromkeys((*old, *new)):
        was, becomes = old.get(place), new.get(place)
        if was == becomes:
            continue
        amount = becomes[1] if becomes is not None else was[1] if was is not None else ZERO
        yield Difference(
            *place, None if was is None else _shown(was), None if becomes is None else _shown(becomes), amount
        )


def _shown(place: tuple[str, Decimal]) -> str:
    return f"{place[0]}: {place[1]}"


def _places(found: Replayed) -> Iterator[tuple[tuple[str, str], tuple[str, Decimal]]]:
    """Every part of every document with what the rules decide of it."""
    for draft in found.documents:
        terms = f"pay term {draft.pay_term or '-'}, ship via {draft.ship_via or '-'}"
        yield (draft.key, "header"), (terms, draft.total_inc_tax)
        for line in draft.lines:
            said = [line.catalog_no, *_account(line.account, line.code_parts), _tax(line.tax)]
            yield (draft.key, f"line:{line.key}"), (", ".join(said), line.gross)
        for charge in draft.charges:
            said = [charge.charge_type, _tax(charge.tax)]
            yield (draft.key, f"charge:{charge.kind}:{charge.key}"), (", ".join(said), charge.inc_tax)
    for voucher in found.vouchers:
        for number, row in enumerate(voucher.rows, 1):
            said = [*_account(row.account, row.code_parts), *((f"tax code {row.tax_code}",) if row.tax_code else ())]
            yield (voucher.key, f"row:{number} {row.purpose}"), (", ".join(said), row.amount)


def _account(account: str, code_parts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    if account:
        yield f"account {account}"
    yield from (f"{letter} {value}" for letter, value in code_parts)


def _tax(treatment: TaxTreatment) -> str:
    return "tax by IFS" if treatment.from_defaults else f"tax code {treatment.code}" if treatment.code else "untaxed"


def _account_changes(before: Replayed, after: Replayed, *, with_lines: bool) -> Iterator[AccountChange]:
    sums: dict[str, Decimal] = {}
    for sign, found in ((-1, before), (1, after)):
        for account, amount in _booked(found, with_lines=with_lines):
            sums[account] = sums.get(account, ZERO) + sign * amount
    for account in sorted(sums):
        if account and sums[account]:
            yield AccountChange(account, after.currency, sums[account])


def _booked(found: Replayed, *, with_lines: bool) -> Iterator[tuple[str, Decimal]]:
    """(account, amount), debit positive. What an order line is posted to is revenue: a credit."""
    yield from ((row.account, row.amount) for voucher in found.vouchers for row in voucher.rows)
    if with_lines:
        yield from ((line.account, -line.net) for draft in found.documents for line in draft.lines)
