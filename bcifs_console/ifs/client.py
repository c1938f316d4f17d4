"""`IfsClient`: everything the rest of the program does with IFS Cloud, one HTTP call per method.

One call each, so that the caller can journal between them; the exception is a write that IFS answers with 204, which
is read back at once. Deciding, retrying and journalling live with the caller.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft
from bcifs_console.domain.orders import Address
from bcifs_console.ifs.customers import Customers
from bcifs_console.ifs.orders import CustomerOrders
from bcifs_console.ifs.parts import SalesParts
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.records import ChargeRow, CustomerMatch, OrderHead, OrderLineRow, PrePosting
from bcifs_console.ifs.transport import ODataClient, OnCall


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
        self._parts = SalesParts(self.odata, self.setting)

    async def __aenter__(self) -> "IfsClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.odata.aclose()

    async def probe(self) -> None:
        """Cheap reads that prove token and permission for every projection an ordinary order is looked up in.

        All of them: a pause that a missing grant made must not end before it is granted.
        """
        await self._orders.probe()
        await self._parts.probe()
        await self._customers.probe()

    async def sales_parts(self, contract: str, catalog_nos: Sequence[str]) -> set[str]:
        """Those of the part numbers that the site has as sales parts."""
        return await self._parts.known(contract, catalog_nos)

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
        """Cancel the order; raises as `release` does."""
        await self._orders.cancel(order_no, etag, reason)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationProblem(
            f"{name!r} is no time zone.", remedy="Use a name such as Europe/Stockholm."
        ) from error
