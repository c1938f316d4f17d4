"""What IFS answers, as values: heads, lines, charges, pre-postings, customers; and how a JSON record becomes one.

Numbers become Decimal whether they came as numbers or, under IEEE754Compatible, as text. Names come from the profile.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.wire import Record

ETAG: Final = "@odata.etag"
PRE_ACCOUNTING_ID: Final = "PreAccountingId"
CODE_PARTS: Final = "BCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class CustomerMatch:
    """An IFS customer found by key or e-mail."""

    customer_id: str
    name: str


@dataclass(frozen=True, slots=True)
class OrderHead:
    """A customer order as it stands in IFS. Amounts are None where the answer carries none (a fresh POST)."""

    order_no: str
    etag: str
    state: str  #: Planned, Released, …
    customer_no: str
    reference: str
    contract: str
    currency: str
    gross: Decimal | None  #: charges included, in the order's currency
    tax: Decimal | None
    net_base: Decimal | None  #: in the company's currency
    entered_on: date | None = None  #: the site's calendar date; only `orders_between` reads it


@dataclass(frozen=True, slots=True)
class OrderLineRow:
    """One order line. `key` is the store's order_product_id, empty on a line that is not ours."""

    order_no: str
    line_no: str
    rel_no: str
    line_item_no: int
    key: str
    catalog_no: str
    quantity: Decimal
    net: Decimal | None
    gross: Decimal | None
    pre_accounting_id: int | None
    etag: str = ""  #: known on rows that were read, not on those kept in the ledger
    state: str = ""  #: "" where the profile does not read it


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """One charge. `ordinal` counts the charges of its type on the order, from 1, by sequence number."""

    sequence_no: int
    charge_type: str
    ordinal: int
    amount: Decimal | None  #: as entered, without tax
    amount_incl_tax: Decimal | None
    net: Decimal | None  #: as IFS totals it
    gross: Decimal | None

    @property
    def key(self) -> str:
        """The same text as `ChargeDraft.key`."""
        return f"{self.charge_type}#{self.ordinal}"


@dataclass(frozen=True, slots=True)
class PrePosting:
    """One distribution row of a line's pre-posting."""

    pre_accounting_id: int
    account: str
    code_parts: tuple[tuple[str, str], ...]  #: ("B", "SALES"), …
    percentage: Decimal | None


def customer_match(row: Record, customer: str, name: str) -> CustomerMatch:
    return CustomerMatch(text(row, customer), text(row, name) if name else "")


def order_head(row: Record, profile: Profile) -> OrderHead:
    names = profile.order
    return OrderHead(
        order_no=text(row, "OrderNo"),
        etag=text(row, ETAG),
        state=text(row, "Objstate"),
        customer_no=text(row, "CustomerNo"),
        reference=text(row, names.reference),
        contract=text(row, "Contract"),
        currency=text(row, "CurrencyCode"),
        gross=number(row, names.gross),
        tax=number(row, names.tax),
        net_base=number(row, names.net_base),
    )


def head_properties(profile: Profile) -> tuple[str, ...]:
    """What `order_head` reads, for `$select` and the connection test."""
    names = profile.order
    fixed = ("OrderNo", "Objstate", "CustomerNo", names.reference, "Contract", "CurrencyCode")
    return tuple(name for name in (*fixed, names.gross, names.tax, names.net_base) if name)


def order_line(row: Record, profile: Profile) -> OrderLineRow:
    names = profile.line
    return OrderLineRow(
        order_no=text(row, "OrderNo"),
        line_no=text(row, "LineNo"),
        rel_no=text(row, "RelNo"),
        line_item_no=integer(row, "LineItemNo") or 0,
        key=text(row, names.reference),
        catalog_no=text(row, "CatalogNo"),
        quantity=number(row, names.quantities[0]) or Decimal(0),
        net=number(row, names.net),
        gross=number(row, names.gross),
        pre_accounting_id=integer(row, PRE_ACCOUNTING_ID),
        etag=text(row, ETAG),
        state=text(row, names.state) if names.state else "",
    )


def line_properties(profile: Profile) -> tuple[str, ...]:
    """What `order_line` reads."""
    names = profile.line
    keys = ("OrderNo", "LineNo", "RelNo", "LineItemNo")
    read = (names.reference, "CatalogNo", names.quantities[0], names.net, names.gross, PRE_ACCOUNTING_ID, names.state)
    return tuple(name for name in (*keys, *read) if name)


def charge_rows(rows: Sequence[Record], profile: Profile) -> list[ChargeRow]:
    """All charges of an order with their ordinals, in the order IFS numbered them."""
    seen: Counter[str] = Counter()
    charges: list[ChargeRow] = []
    for row in sorted(rows, key=lambda r: integer(r, "SequenceNo") or 0):
        charge_type = text(row, "ChargeType")
        seen[charge_type] += 1
        charges.append(
            ChargeRow(
                sequence_no=integer(row, "SequenceNo") or 0,
                charge_type=charge_type,
                ordinal=seen[charge_type],
                amount=number(row, "ChargeAmount"),
                amount_incl_tax=number(row, "ChargeAmountInclTax"),
                net=number(row, profile.charge.net),
                gross=number(row, profile.charge.gross),
            )
        )
    return charges


def charge_properties(profile: Profile) -> tuple[str, ...]:
    """What `charge_rows` reads."""
    names = profile.charge
    return ("OrderNo", "SequenceNo", "ChargeType", "ChargeAmount", "ChargeAmountInclTax", names.net, names.gross)


def pre_posting(row: Record, profile: Profile) -> PrePosting:
    names = profile.pre_posting
    parts = ((part, text(row, names.code_part_property(part))) for part in CODE_PARTS)
    return PrePosting(
        pre_accounting_id=integer(row, PRE_ACCOUNTING_ID) or 0,
        account=text(row, names.account),
        code_parts=tuple((part, value) for part, value in parts if value),
        percentage=number(row, "Percentage"),
    )


def text(row: Record, name: str) -> str:
    """The property as text, "" where it is absent or null."""
    value = row.get(name)
    return "" if value is None else str(value)


def number(row: Record, name: str) -> Decimal | None:
    """The property as an exact number, None where it is absent, null or no number."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None


def integer(row: Record, name: str) -> int | None:
    """The property as a whole number: all IFS numbers are Edm.Decimal, keys included (facts §2)."""
    found = number(row, name)
    return None if found is None else int(found)
