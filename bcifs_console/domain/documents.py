"""Drafts of IFS documents: what should exist in IFS, in our words. The IFS client turns them into calls.

A draft is complete: carried out later, on another machine, it gives the same document. It is stored with the ledger
row (the *frozen basis*, ACCOUNTING §1) and resumed from there, so a rule changed meanwhile changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from bcifs_console.domain.basis import Basis
from bcifs_console.domain.edits import EditAnswer
from bcifs_console.domain.orders import Address, ChargeKind
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import VoucherDraft


class DocumentKind(StrEnum):
    """One IFS business object each."""

    CUSTOMER = "customer"
    CUSTOMER_ORDER = "customer_order"
    VOUCHER = "voucher"
    ORDER_UPDATE = "order_update"


class DocumentState(StrEnum):
    INTENDED = "intended"  #: written down, nothing sent
    SENT = "sent"  #: at least one call is out or done
    CONFIRMED = "confirmed"  #: complete, read back and agreed
    NOTHING_TO_POST = "nothing_to_post"  #: a fact that moves no money; recorded so that it is not looked at again
    UNKNOWN = "unknown"  #: a call may or may not have happened
    FAILED = "failed"  #: IFS refused for good


class PartState(StrEnum):
    INTENDED = "intended"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trace:
    """Why an amount stands where it stands: store field → rule → IFS field (DESIGN §8, explain)."""

    amount: Decimal
    store_field: str
    rule: str
    ifs_field: str


@dataclass(frozen=True, slots=True)
class TaxTreatment:
    """How IFS is to tax a line or charge. `code` empty and `from_defaults` false means untaxed."""

    from_defaults: bool = False
    code: str = ""

    @property
    def group(self) -> str:
        return "default" if self.from_defaults else self.code


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One order line for IFS. Unit prices carry their own tax side each (DESIGN §6)."""

    order_line_id: int  #: the store's order_product_id, in IFS `CustomerPoLineNo`
    catalog_no: str
    description: str
    quantity: Decimal
    unit_price_ex_tax: Decimal
    unit_price_inc_tax: Decimal
    net: Decimal
    gross: Decimal
    tax: TaxTreatment
    account: str = ""  #: pre-posting account (code part A); empty under posting control
    code_parts: tuple[tuple[str, str], ...] = ()  #: ("B", "SALES"), …

    @property
    def key(self) -> str:
        return str(self.order_line_id)


@dataclass(frozen=True, slots=True)
class ChargeDraft:
    """One charge for IFS. A discount is a charge with negative amounts."""

    ordinal: int  #: position among charges of this type on this order, from 1: its look-up key with the type
    kind: ChargeKind
    charge_type: str
    ex_tax: Decimal
    inc_tax: Decimal
    tax: TaxTreatment
    description: str = ""

    @property
    def key(self) -> str:
        return f"{self.charge_type}#{self.ordinal}"


@dataclass(frozen=True, slots=True)
class CustomerOrderDraft:
    """A customer order as it should stand in IFS."""

    key: str  #: the order reference, for example BC-5001: IFS `CustomerPoNo`
    order_id: int
    customer_id: str
    contract: str
    currency: str
    placed_at: datetime
    price_includes_tax: bool  #: IFS `UsePriceInclTax`
    lines: tuple[LineDraft, ...]
    charges: tuple[ChargeDraft, ...]
    total_inc_tax: Decimal  #: the store's, what IFS must show
    total_tax: Decimal
    ship_to: Address | None  #: None for an order without goods to ship
    pay_term: str = ""
    ship_via: str = ""
    note: str = ""
    fact_hash: str = ""
    traces: tuple[Trace, ...] = ()
    basis: Basis | None = None  #: the priced basis, frozen with the order

    @property
    def kind(self) -> DocumentKind:
        return DocumentKind.CUSTOMER_ORDER


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    """A customer to create. `customer_id` is ours, stored before the call (DESIGN §6)."""

    key: str  #: the buyer's key
    customer_id: str
    name: str
    email: str
    phone: str
    address: Address
    currency: str
    created_on: datetime

    @property
    def kind(self) -> DocumentKind:
        return DocumentKind.CUSTOMER


Draft = CustomerOrderDraft | CustomerDraft | VoucherDraft | OrderUpdateDraft


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """One call of a document, as far as it got; or a mark on it, which is `domain.marks`."""

    name: str  #: header, address, line:17, pre_posting:17, charge:FREIGHT#1, read_back, release, by_hand
    ordinal: int
    state: PartState
    reference: str = ""  #: what IFS answered with: LineNo, SequenceNo, PreAccountingId
    sent_at: datetime | None = None
    deadline_at: datetime | None = None  #: after this moment the call can no longer be under way on our side
    look_ups: int = 0
    sends: int = 0  #: how often the call was made
    error: str = ""


@dataclass(frozen=True, slots=True)
class LedgerDocument:
    """One row of the ledger with its parts."""

    id: int
    connection_id: int
    subject: str  #: order:5001, buyer:customer:17
    key: str
    kind: DocumentKind
    state: DocumentState
    fact_hash: str
    amount: Decimal
    currency: str
    reference: str  #: IFS OrderNo or CustomerId, empty until known
    etag: str
    draft: str  #: the frozen draft as JSON (domain.codec)
    created_at: datetime
    confirmed_at: datetime | None = None
    error: str = ""
    warnings: str = "[]"  #: what was inexact when it was drawn up and read back, as JSON
    day: date | None = None  #: of a voucher: the voucher date it is sent with
    batch: int | None = None  #: of a voucher sent by file: the batch it is in
    parts: tuple[LedgerPart, ...] = ()

    def part(self, name: str) -> LedgerPart | None:
        return next((p for p in self.parts if p.name == name), None)

    def is_confirmed(self, name: str) -> bool:
        part = self.part(name)
        return part is not None and part.state is PartState.CONFIRMED


@dataclass(frozen=True, slots=True)
class Ledger:
    """The documents that exist, or may exist, for one order, and what a person said of edits since (oldest first)."""

    documents: tuple[LedgerDocument, ...] = ()
    answers: tuple[EditAnswer, ...] = ()

    def only(self, keep: Callable[[LedgerDocument], bool]) -> "Ledger":
        """The ledger with those documents alone that are to be kept."""
        return replace(self, documents=tuple(document for document in self.documents if keep(document)))

    def customer_order(self) -> LedgerDocument | None:
        """The order's customer order document, if one was ever intended."""
        return next((d for d in self.documents if d.kind is DocumentKind.CUSTOMER_ORDER), None)

    def of_kind(self, kind: DocumentKind) -> tuple[LedgerDocument, ...]:
        """The documents of one kind in the order they were written down."""
        return tuple(sorted((d for d in self.documents if d.kind is kind), key=lambda d: d.id))


@dataclass(frozen=True, slots=True)
class Figures:
    """Two amounts that should agree, shown to a person side by side."""

    what: str
    store: Decimal
    computed: Decimal
    currency: str

    @property
    def difference(self) -> Decimal:
        return self.computed - self.store


EMPTY_TREATMENT = TaxTreatment()
