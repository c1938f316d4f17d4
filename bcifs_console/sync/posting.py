"""Posting a customer order: header → address → lines with their pre-posting → charges → read-back → release.

What is to stand in IFS comes frozen in a CustomerOrderDraft; which calls are done comes from the ledger. A crash
anywhere resumes at the first call that is not confirmed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

from bcifs_console.domain.documents import (
    ChargeDraft,
    CustomerOrderDraft,
    DocumentState,
    Figures,
    LedgerDocument,
    LineDraft,
)
from bcifs_console.domain.marks import accepted_total
from bcifs_console.domain.money import ZERO, cap, minor_unit
from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import MissingMasterData
from bcifs_console.ifs.profile import DeliveryAddressMode
from bcifs_console.ifs.records import ChargeRow, OrderHead, OrderLineRow
from bcifs_console.store import queue
from bcifs_console.store.ledger import DocumentChange
from bcifs_console.sync.calls import JournalledCalls, Step, again_on_conflict, named
from bcifs_console.sync.invoices import note_invoice
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime

HEADER: Final = "header"
ADOPTED: Final = "adopted"
ADDRESS: Final = "address"
READ_BACK: Final = "read_back"
RELEASE: Final = "release"
PLANNED: Final = "Planned"
_CANCELLED: Final = "Cancelled"
NOTHING_LOWERED: Final[Mapping[int, Decimal]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Posted:
    """The customer order as it stands now."""

    order_no: str
    warnings: tuple[PlanWarning, ...] = ()


class CustomerOrderPosting:
    """Brings one customer order into IFS, as far as the plan allows."""

    def __init__(
        self,
        runtime: Runtime,
        claim: Claim,
        document: LedgerDocument,
        draft: CustomerOrderDraft,
        lowered: Mapping[int, Decimal] = NOTHING_LOWERED,
    ) -> None:
        self._runtime = runtime
        self._lowered = lowered
        self._ifs = runtime.ifs
        self._draft = draft
        self._document = document
        self._calls = JournalledCalls(runtime, claim, document)
        #: the header was found, not made by us just now: what hangs on it may be there already
        self._adopted = self._calls.is_confirmed(ADOPTED)
        self._lines: list[OrderLineRow] | None = None
        self._charges: list[ChargeRow] | None = None

    async def carry_out(self, *, release: bool) -> Posted:
        """Do every call that is missing; release the order if `release`.

        Raises Waiting (totals, conflict, mapping), OutcomeStillUnknown, LeaseLost and the IFS errors that may pass.
        """
        try:
            return await self._post(release=release)
        finally:
            await self._calls.flush()

    async def _post(self, *, release: bool) -> Posted:
        order_no = await self._header()
        if not self._calls.is_confirmed(READ_BACK):
            await self._children(order_no)
        read_back = await self._prove_and_release(order_no, release=release)
        if self._document.state is not DocumentState.CONFIRMED:
            self._calls.note(DocumentChange(state=DocumentState.CONFIRMED, error=""))
        # What was inexact when it was drawn up stays true: a later look must not make it vanish.
        known = queue.warnings_from(self._document.warnings)
        warnings = tuple(dict.fromkeys(known + read_back))
        if warnings != known:
            self._calls.note(DocumentChange(warnings=queue.warnings_json(warnings)))
        return Posted(order_no, warnings)

    async def _prove_and_release(self, order_no: str, *, release: bool) -> tuple[PlanWarning, ...]:
        """Read back before anything else happens to the order, and again right before its release."""
        release = release and bool(self._ifs.profile.order.release_action) and not self._calls.is_confirmed(RELEASE)
        if self._calls.is_confirmed(READ_BACK) and not release:
            return ()
        head, warnings = await self._read_back(order_no)
        self._calls.note(DocumentChange(etag=head.etag))
        self._calls.mark(READ_BACK)
        if release:
            await self._release(head)
        return warnings

    # -- header ------------------------------------------------------------------------------------------------------

    async def _header(self) -> str:
        async def send() -> str:
            head = await self._ifs.create_order(self._draft)
            return head.order_no

        if not self._calls.is_confirmed(HEADER):
            self._calls.note(DocumentChange(state=DocumentState.SENT))
        order_no = await self._calls.run(Step(HEADER, send, self._find_header, look_first=True))
        if self._adopted and not self._calls.is_confirmed(ADOPTED):
            self._calls.mark(ADOPTED)
        if self._document.reference != order_no:
            self._calls.note(DocumentChange(reference=order_no))
        return order_no

    async def _find_header(self) -> str | None:
        """The order that carries our reference. More than one is never chosen between."""
        found = await self._ifs.orders_by_reference(self._draft.key, self._draft.contract)
        if not found:
            return None
        if len(found) > 1:
            numbers = ", ".join(head.order_no for head in found)
            raise _conflict(
                f"IFS has several orders with the reference {self._draft.key}: {numbers}.",
                "Cancel all but one of them in IFS, then sync this order again.",
            )
        head = found[0]
        if head.customer_no != self._draft.customer_id:
            raise _conflict(
                f"IFS order {head.order_no} carries the reference {self._draft.key} but belongs to customer "
                f"{head.customer_no}, not {self._draft.customer_id}.",
                "Find out whose order it is; cancel it in IFS or give this connection another order_reference.",
            )
        self._adopted = True
        return head.order_no

    # -- what hangs on the header ------------------------------------------------------------------------------------

    async def _children(self, order_no: str) -> None:
        draft = self._draft
        if self._adopted:
            await self._check_adopted(order_no)
        if (
            draft.ship_to is not None
            and self._ifs.profile.delivery_address.mode is DeliveryAddressMode.SINGLE_OCCURRENCE
        ):
            await self._calls.run(self._address_step(order_no))
        for line in draft.lines:
            row = await self._line(order_no, line)
            if line.account or line.code_parts:
                await self._calls.run(self._pre_posting_step(row, line))
        for charge in draft.charges:
            await self._calls.run(self._charge_step(order_no, charge))

    async def _check_adopted(self, order_no: str) -> None:
        """Refuse to add to an order that is not the one we would have made: it carries our reference, no more."""
        head = await self._ifs.order(order_no)
        lines, charges = await self._existing_lines(order_no), await self._existing_charges(order_no)
        draft = self._draft
        ours = {line.key for line in draft.lines}, {charge.key for charge in draft.charges}
        theirs = {row.key for row in lines}, {row.key for row in charges}
        if head.currency and head.currency != draft.currency:
            what = f"is in {head.currency}, not in {draft.currency}"
        elif not (theirs[0] <= ours[0] and theirs[1] <= ours[1]):
            what = "has lines or charges that are not this order's"
        elif head.state != PLANNED and (theirs != ours):
            what = f"is {head.state} already, and incomplete"
        else:
            return
        raise _conflict(
            f"IFS order {order_no} carries the reference {draft.key} but {what}.",
            "Find out whose order it is; cancel it in IFS or give this connection another order_reference.",
        )

    def _address_step(self, order_no: str) -> Step:
        address = self._draft.ship_to
        assert address is not None, "only orders with goods to ship have this step"

        async def send() -> str:
            await self._ifs.add_delivery_address(order_no, address)
            return "1"

        async def look_up() -> str | None:
            return "1" if await self._ifs.delivery_address(order_no) else None

        return Step(ADDRESS, send, look_up, look_first=self._adopted)

    async def _line(self, order_no: str, line: LineDraft) -> OrderLineRow:
        async def send() -> str:
            try:
                return _line_reference(await self._ifs.add_line(order_no, self._draft, line))
            except MissingMasterData as error:
                raise named(error, f"Line {line.catalog_no} ({line.description})") from error

        async def look_up() -> str | None:
            rows = await self._existing_lines(order_no)
            return next((_line_reference(row) for row in rows if row.key == line.key), None)

        name = f"line:{line.key}"
        reference = await self._calls.run(Step(name, send, look_up, look_first=self._adopted))
        return _line_row(order_no, line, reference)

    def _pre_posting_step(self, row: OrderLineRow, line: LineDraft) -> Step:
        objkey = ""

        async def prepare() -> None:
            nonlocal objkey
            objkey = await self._ifs.begin_pre_posting(row)

        async def send() -> str:
            try:
                await self._ifs.add_pre_posting(objkey, row, line.account, line.code_parts)
            except MissingMasterData as error:
                raise named(error, f"Account {line.account} of line {line.catalog_no}") from error
            return line.account

        async def look_up() -> str | None:
            there = await self._ifs.pre_postings(row)
            return line.account if there else None

        return Step(f"pre_posting:{line.key}", send, look_up, prepare, look_first=self._adopted)

    def _charge_step(self, order_no: str, charge: ChargeDraft) -> Step:
        async def send() -> str:
            try:
                row = await self._ifs.add_charge(order_no, self._draft, charge)
            except MissingMasterData as error:
                raise named(error, f"Charge type {charge.charge_type}") from error
            return str(row.sequence_no)

        async def look_up() -> str | None:
            rows = await self._existing_charges(order_no)
            return next((str(row.sequence_no) for row in rows if row.key == charge.key), None)

        return Step(f"charge:{charge.key}", send, look_up, look_first=self._adopted)

    async def _existing_lines(self, order_no: str) -> list[OrderLineRow]:
        """The lines IFS has: read once for an adopted order, which is compared part by part, else always afresh."""
        if not self._adopted or self._lines is None:
            self._lines = await self._ifs.lines(order_no)
        return self._lines

    async def _existing_charges(self, order_no: str) -> list[ChargeRow]:
        if not self._adopted or self._charges is None:
            self._charges = await self._ifs.charges(order_no)
        return self._charges

    # -- read-back and release ---------------------------------------------------------------------------------------

    async def _read_back(self, order_no: str) -> tuple[OrderHead, tuple[PlanWarning, ...]]:
        """Compare what IFS holds with the draft: counts, then the total (ACCOUNTING §4)."""
        head, lines, charges = await asyncio.gather(
            self._ifs.order(order_no), self._ifs.lines(order_no), self._ifs.charges(order_no)
        )
        await note_invoice(self._runtime, head)
        if head.state == _CANCELLED:
            raise _conflict(
                f"IFS order {order_no} was cancelled in IFS.", "Find out why; nothing is sent again by itself."
            )
        expected = (len(self._draft.lines), len(self._draft.charges))
        if (len(lines), len(charges)) != expected:
            raise _conflict(
                f"IFS order {order_no} has {len(lines)} lines and {len(charges)} charges; "
                f"{expected[0]} and {expected[1]} were sent.",
                "Compare the order in IFS with the store's and correct it there, then sync this order again.",
            )
        return head, self._compare_totals(head, lines, charges)

    def _compare_totals(
        self, head: OrderHead, lines: list[OrderLineRow], charges: list[ChargeRow]
    ) -> tuple[PlanWarning, ...]:
        draft = self._draft
        if head.currency and head.currency != draft.currency:
            raise _conflict(
                f"IFS order {head.order_no} is in {head.currency}, the store's order in {draft.currency}.",
                "Cancel it in IFS and correct the customer's or the site's currency; it was not released.",
            )
        summed = _sum_of(lines, charges)
        gross = head.gross if head.gross is not None else summed
        if gross is None:
            blocker = Blocker(
                Reason.TOTALS,
                f"IFS order {head.order_no} shows no total, so nothing proves that it equals the store's "
                f"{draft.total_inc_tax} {draft.currency}. It was not released.",
                "Correct the names of the totals in the IFS profile ([order] gross), then sync this order.",
                subject=head.order_no,
            )
            raise Waiting(Reason.TOTALS, (blocker,), cause="totals:no_total")
        if gross == accepted_total(self._document):
            return ()  # as a person saw it and took it; the plan says so
        figures = Figures(f"IFS order {head.order_no}", self._expected_total(), gross, draft.currency)
        allowed = cap(draft.currency, self._runtime.policy.minor_units)
        if abs(figures.difference) > allowed or (summed is not None and abs(summed - gross) > allowed):
            blocker = Blocker(
                Reason.TOTALS,
                f"IFS order {head.order_no} totals {gross} {draft.currency}, {figures.store} is expected. "
                "It was not released.",
                f'Accept it as IFS shows it: bcifs orders accept {draft.order_id} --note "why"; or correct it in IFS '
                "(usually its tax codes), or cancel it there, and sync this order again. Correct the tax mapping for "
                "the next ones.",
                subject=head.order_no,
                figures=figures,
            )
            raise Waiting(Reason.TOTALS, (blocker,), cause="totals:read_back")
        if figures.difference:
            off = f"IFS totals {gross} {draft.currency}, the store {draft.total_inc_tax}: within the cap."
            return (PlanWarning("tax_inexact", off),)
        return ()

    def _expected_total(self) -> Decimal:
        """The store's total less what the lines that were lowered in IFS have lost (ACCOUNTING §4)."""
        draft = self._draft
        unit = minor_unit(draft.currency, self._runtime.policy.minor_units)

        def worth(line: LineDraft, quantity: Decimal) -> Decimal:
            return (line.unit_price_inc_tax * quantity).quantize(unit, rounding=ROUND_HALF_UP)

        lost = (
            worth(line, line.quantity) - worth(line, self._lowered[line.order_line_id])
            for line in draft.lines
            if line.order_line_id in self._lowered
        )
        return draft.total_inc_tax - sum(lost, ZERO)

    async def _release(self, head: OrderHead) -> None:
        """Release the order as read back. Somebody changed it meanwhile: read back, compare and try again."""
        order_no = head.order_no
        read: OrderHead | None = head

        async def release() -> str:
            nonlocal read
            fresh, read = read or (await self._read_back(order_no))[0], None
            if fresh.state != PLANNED:
                return fresh.state
            await self._ifs.release(order_no, fresh.etag)
            return "Released"

        async def look_up() -> str | None:
            found = await self._ifs.order(order_no)
            return None if found.state == PLANNED else found.state

        await self._calls.run(Step(RELEASE, lambda: again_on_conflict(release), look_up))


def _sum_of(lines: list[OrderLineRow], charges: list[ChargeRow]) -> Decimal | None:
    amounts = [row.gross for row in lines] + [row.gross for row in charges]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _line_reference(row: OrderLineRow) -> str:
    """What the ledger keeps of a line: its key in IFS and the id that its pre-posting hangs on."""
    pre = "" if row.pre_accounting_id is None else str(row.pre_accounting_id)
    return f"{row.line_no}|{row.rel_no}|{row.line_item_no}|{pre}"


def _line_row(order_no: str, line: LineDraft, reference: str) -> OrderLineRow:
    line_no, rel_no, item_no, pre = reference.split("|")
    return OrderLineRow(
        order_no=order_no,
        line_no=line_no,
        rel_no=rel_no,
        line_item_no=int(item_no),
        key=line.key,
        catalog_no=line.catalog_no,
        quantity=line.quantity,
        net=line.net,
        gross=line.gross,
        pre_accounting_id=int(pre) if pre else None,
    )


def _conflict(message: str, remedy: str) -> Waiting:
    return Waiting(Reason.CONFLICT, (Blocker(Reason.CONFLICT, message, remedy),), cause="conflict:ifs")
