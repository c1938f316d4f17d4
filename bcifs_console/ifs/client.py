"""`IfsClient`: everything the rest of the program does with IFS Cloud, one HTTP call per method.

One call each, so that the caller can journal between them; the exception is a write that IFS answers with 204, which
is read back at once. Deciding, retrying and journalling live with the caller.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft
from bcifs_console.domain.orders import Address
from bcifs_console.domain.vouchers import Rate, VoucherDraft, VoucherRow
from bcifs_console.ifs.customer_directory import CustomerDirectory
from bcifs_console.ifs.customers import Customers, PlannedCall
from bcifs_console.ifs.errors import BusinessRule, PeriodClosed
from bcifs_console.ifs.master_data import Found, ListKind, MasterDataLists
from bcifs_console.ifs.orders import CustomerOrders
from bcifs_console.ifs.parts import SalesParts
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.periods import AccountingPeriods, CurrencyRates
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.records import ChargeRow, CustomerMatch, OrderHead, OrderLineRow, PrePosting
from bcifs_console.ifs.transport import ODataClient, OnCall
from bcifs_console.ifs.voucher_records import BookedVoucher, PeriodStatus, VoucherHead, VoucherRowRecord
from bcifs_console.ifs.vouchers import Vouchers


class IfsClient:
    """One connection's IFS Cloud. Safe to share between tasks of one event loop; close it with `aclose()`.

    `deadline_s` bounds each HTTP call as a whole. `time_zone` is the site's: IFS reads the times it is sent as wall
    time there (facts §3). `on_call` is told what was done, the HTTP status (0 without an answer) and the seconds.

    Every method raises the types of `bcifs_console.ifs.errors`. For the writing ones two of them decide what the
    caller may do next: `NotSent` and `Transient` mean surely not carried out, `OutcomeUnknown` means look it up.
    """

    def __init__(
        self,
        access: IfsAccess,
        profile: Profile,
        *,
        clock: Clock,
        deadline_s: float = 30.0,
        time_zone: str = "UTC",
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        self.profile = profile
        self.setting = Setting(access, profile, _zone(time_zone))
        self.odata = ODataClient(
            access, profile, clock=clock, deadline_s=deadline_s, transport=transport, on_call=on_call
        )
        self._orders = CustomerOrders(self.odata, self.setting)
        self._customers = Customers(self.odata, self.setting)
        self.directory = CustomerDirectory(self.odata, self.setting)
        self._parts = SalesParts(self.odata, self.setting)
        self._lists = MasterDataLists(self.odata, self.setting)
        self._vouchers = Vouchers(self.odata, self.setting)
        self._rates = CurrencyRates(self.odata, self.setting)
        self._periods = AccountingPeriods(self.odata, self.setting)

    async def __aenter__(self) -> "IfsClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.odata.aclose()

    async def probe(self, *, vouchers: bool = False) -> None:
        """Cheap reads that prove token and permission for every projection an ordinary order is looked up in.

        All of them: a pause that a missing grant made must not end before it is granted. `vouchers`: also where
        vouchers are looked up, for a connection that makes them by rest.
        """
        await self._orders.probe()
        await self._parts.probe()
        await self._customers.probe()
        if vouchers:
            await self._vouchers.probe()

    async def sales_parts(self, contract: str, catalog_nos: Sequence[str]) -> set[str]:
        """Those of the part numbers that the site has as sales parts."""
        return await self._parts.known(contract, catalog_nos)

    async def master_data(
        self, kind: ListKind, values: Collection[str], day: date, letter: str = ""
    ) -> Mapping[str, Found]:
        """Whether each of `values` exists and may be used on `day`; `letter`: of which code part.

        As many calls as there are pages, one more where IFS shows none of them. Unknown where IFS does not say.
        """
        return await self._lists.find(kind, values, day, letter)

    # customers

    async def customers_by_email(self, email: str) -> list[CustomerMatch]:
        """Customers the profile's look-up finds for an e-mail address; more than one is a question for a person."""
        return await self._customers.by_email(email)

    async def customer(self, customer_id: str) -> CustomerMatch | None:
        """The customer with that id, None where IFS has none."""
        return await self._customers.by_id(customer_id)

    def customer_steps(self, draft: CustomerDraft) -> tuple[str, ...]:
        """The steps that make this customer, in order: `info` or `copy_template`, `address`, `address_type:…` …"""
        return self._customers.steps(draft)

    async def customer_step(self, step: str, draft: CustomerDraft) -> str:
        """Carry out one step; answers with the customer id. Raises Duplicate where IFS has it already."""
        return await self._customers.perform(step, draft)

    def customer_calls(self, draft: CustomerDraft) -> tuple[PlannedCall, ...]:
        """The calls that `customer_step` would make for this customer, with their bodies. Nothing is sent."""
        return self._customers.planned(draft)

    async def customer_step_done(self, step: str, draft: CustomerDraft) -> bool:
        """Look-up: does what the step makes exist already?"""
        return await self._customers.is_done(step, draft)

    # customer orders

    async def orders_by_reference(self, reference: str, contract: str) -> list[OrderHead]:
        """Orders of the site that carry the reference; cancelled ones are left out."""
        return await self._orders.by_reference(reference, contract)

    async def create_order(self, draft: CustomerOrderDraft) -> OrderHead:
        """Create the header. Its totals are None: read them with `order` when all parts stand."""
        return await self._orders.create(draft)

    async def order(self, order_no: str) -> OrderHead:
        """The order with its totals and a fresh ETag; the ETag moves whenever a line or charge is added."""
        return await self._orders.head(order_no)

    async def lines(self, order_no: str) -> list[OrderLineRow]:
        """All lines, ours known by `key`."""
        return await self._orders.lines(order_no)

    async def add_line(self, order_no: str, draft: CustomerOrderDraft, line: LineDraft) -> OrderLineRow:
        """Add one line of the draft."""
        return await self._orders.add_line(order_no, draft, line)

    async def charges(self, order_no: str) -> list[ChargeRow]:
        """All charges, known by type and ordinal (`ChargeRow.key` equals `ChargeDraft.key`)."""
        return await self._orders.charges(order_no)

    async def add_charge(self, order_no: str, draft: CustomerOrderDraft, charge: ChargeDraft) -> ChargeRow:
        """Add one charge. Charges of one type must be added in ordinal order, or look-ups take one for another."""
        return await self._orders.add_charge(order_no, draft, charge)

    async def delivery_address(self, order_no: str) -> bool:
        """Whether the order has a delivery address of its own."""
        return await self._orders.has_delivery_address(order_no)

    async def add_delivery_address(self, order_no: str, address: Address) -> None:
        """Give the order its own delivery address (profile mode `single_occurrence`)."""
        await self._orders.add_delivery_address(order_no, address)

    async def pre_postings(self, row: OrderLineRow) -> list[PrePosting]:
        """What the line's pre-posting holds. Two reads where the profile names no `pre_posting.read_set`."""
        return await self._orders.pre_postings(row)

    async def begin_pre_posting(self, row: OrderLineRow) -> str:
        """Open the line's pre-posting for editing; answers with its Objkey. Opening twice does no harm."""
        return await self._orders.begin_pre_posting(row)

    async def add_pre_posting(
        self, objkey: str, row: OrderLineRow, account: str, code_parts: Sequence[tuple[str, str]]
    ) -> None:
        """Post the whole line to `account` (may be empty: posting control decides) and code parts ("B", "SALES") …"""
        await self._orders.add_pre_posting(objkey, row, account, code_parts)

    async def release(self, order_no: str, etag: str) -> None:
        """Planned → Released. Raises Conflict on a stale `etag`, ConfigurationProblem where no action is named."""
        await self._orders.release(order_no, etag)

    async def cancel(self, order_no: str, etag: str, reason: str) -> None:
        """Cancel the order for a reason of your own; raises as `release` does."""
        await self._orders.cancel(order_no, etag, reason)

    async def cancel_order(self, head: OrderHead) -> None:
        """Cancel the order for the profile's reason; raises as `release` does."""
        await self._orders.cancel(head.order_no, head.etag, self.profile.order.cancel_reason)

    async def change_line_quantity(self, order_no: str, row: OrderLineRow, quantity: Decimal) -> None:
        """Set the quantity of a line that `lines` has read just now. Raises Conflict on a stale ETag."""
        await self._orders.change_line_quantity(order_no, row, quantity)

    async def cancel_line(self, order_no: str, row: OrderLineRow) -> None:
        """Cancel a line that `lines` has read just now, for the profile's reason; raises as `release` does."""
        await self._orders.cancel_line(order_no, row, self.profile.order.cancel_reason)

    async def note_on_order(self, head: OrderHead, note: str) -> None:
        """Put `note` (lines of text) in our part of the order's text, in place of what stood there.

        Two calls: the text is read with the ETag that it is written with. Nothing is sent where it says so already.
        Raises Conflict, and ConfigurationProblem where the profile names no order.tracking.
        """
        await self._orders.note(head.order_no, note)

    async def orders_between(self, first: date, last: date, contract: str, reference_prefix: str) -> list[OrderHead]:
        """Orders that came to the site from `first` to `last` (its calendar, both included), cancelled ones too.

        Only those whose reference begins with `reference_prefix`. As many calls as there are pages.
        """
        return await self._orders.between(first, last, contract, reference_prefix)

    # vouchers, rates, periods

    async def create_voucher(self, draft: VoucherDraft, day: date) -> VoucherHead:
        """Create the header, dated `day`: the fact's own day, or another where that one's period is closed.

        Raises BusinessRule where IFS refuses it: ask `voucher_refusal` why. ConfigurationProblem for a key too long.
        """
        return await self._vouchers.create(draft, day)

    async def find_vouchers(self, key: str, day: date) -> list[VoucherHead]:
        """Vouchers of our type that carry the key, dated `day` or later; cancelled ones are left out.

        `day` is the fact's own, the earliest a voucher of it can bear. One call (or more, by pages) for each look-up
        source; raises LookupIncomplete, an OutcomeUnknown, where one of them does not answer.
        """
        return await self._vouchers.find(key, day)

    async def voucher(self, reference: str) -> VoucherHead:
        """The voucher `M-2026-17` with its state and a fresh ETag; the ETag moves whenever a row is added.

        A second call, to the analysis, where it has left the hold table. Raises NotFound where neither shows it.
        """
        return await self._vouchers.head(reference)

    async def add_voucher_row(self, head: VoucherHead, draft: VoucherDraft, row: VoucherRow) -> VoucherRowRecord:
        """Add one row of the draft."""
        return await self._vouchers.add_row(head, draft, row)

    async def voucher_rows(self, head: VoucherHead) -> list[VoucherRowRecord]:
        """All rows, by RowNo; `voucher_differences.matching_rows` pairs them with a draft's.

        From the analysis where the voucher has left the hold table, or shows none itself (a second call).
        """
        return await self._vouchers.rows(head)

    async def confirm_voucher(self, head: VoucherHead) -> None:
        """Confirm the voucher. `head` must be as read after the last row, or it is a Conflict.

        Raises BusinessRule where IFS refuses it: ask `voucher_refusal` why. ConfigurationProblem where the profile
        names no action.
        """
        await self._vouchers.confirm(head)

    async def voucher_refusal(self, refusal: BusinessRule, day: date) -> BusinessRule:
        """Why a voucher dated `day` was refused: PeriodClosed where IFS calls the period closed, else `refusal`."""
        if await self.period_status(day) is not PeriodStatus.CLOSED:
            return refusal
        return PeriodClosed(
            f"The accounting period of {day.isoformat()} is closed in IFS. {refusal.message}", answer=refusal.answer
        )

    async def vouchers_between(self, first: date, last: date) -> list[BookedVoucher]:
        """Every voucher of our type dated from `first` to `last`, whoever made it, with its rows.

        Read from the analysis, and from the vouchers in hold for their states; one call more for each voucher in hold
        that the analysis does not show.
        """
        return await self._vouchers.between(first, last)

    async def currency_rate(self, currency: str, day: date, minor_units: Mapping[str, int]) -> Rate | None:
        """The rate in force on `day`, with the company's accounting currency; None where IFS has none.

        For the accounting currency itself it is one (`Rate.is_one`): without a call where the profile names it, with
        a second one where IFS has no rate for it. Raises ConfigurationProblem where several rate types are found and
        the profile chooses none.
        """
        return await self._rates.on(currency, day, minor_units)

    async def period_status(self, day: date) -> PeriodStatus:
        """Whether the accounting period of `day` is open."""
        return await self._periods.status(day)

    async def next_open_day(self, day: date) -> date | None:
        """The first day from `day` on whose period is open, None where IFS shows none."""
        return await self._periods.next_open_day(day)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationProblem(
            f"{name!r} is no time zone.", remedy="Use a name such as Europe/Stockholm."
        ) from error
