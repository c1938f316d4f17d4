"""Customer orders in IFS: one HTTP call per method, so that the caller can journal between calls (DESIGN §6).

A write that IFS answers with 204 is read back at once; if that fails, the write is *unknown*, never *not done*.
Bodies are made in `payloads.py`, answers read in `records.py`.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.documents import ChargeDraft, CustomerOrderDraft, LineDraft
from bcifs_console.domain.orders import Address
from bcifs_console.ifs import payloads
from bcifs_console.ifs.errors import IfsError, OutcomeUnknown
from bcifs_console.ifs.odata import action_segment, all_of, eq, key, starts_with
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.records import (
    ETAG,
    PRE_ACCOUNTING_ID,
    ChargeRow,
    OrderHead,
    OrderLineRow,
    PrePosting,
    charge_properties,
    charge_rows,
    head_properties,
    line_properties,
    order_head,
    order_line,
    pre_posting,
    text,
)
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.wire import Record

T = TypeVar("T")


class CustomerOrders:
    """The customer order of one connection: header, lines, charges, address, pre-posting, release."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting
        self._profile = setting.profile
        self._names = setting.profile.order

    async def by_reference(self, reference: str, contract: str) -> list[OrderHead]:
        rows = await self._odata.get_all(
            "find customer order by reference",
            self._odata.url(self._names.read_projection, self._names.read_set),
            {
                "$filter": all_of([eq(self._names.reference, reference), eq("Contract", contract)]),
                "$select": ",".join(head_properties(self._profile)),
                "$orderby": "OrderNo",
            },
        )
        heads = [order_head(row, self._profile) for row in rows]
        return [head for head in heads if head.state not in self._names.cancelled_states]

    async def create(self, draft: CustomerOrderDraft) -> OrderHead:
        what = "create customer order"
        url = self._odata.url(self._names.projection, self._names.set)
        record = await self._odata.write(what, "POST", url, payloads.header(draft, self._setting))
        if record is not None and text(record, "OrderNo"):
            return order_head(record, self._profile)
        return await read_back(what, self._only(draft))

    async def _only(self, draft: CustomerOrderDraft) -> OrderHead | None:
        heads = await self.by_reference(draft.key, draft.contract)
        return heads[0] if len(heads) == 1 else None

    async def head(self, order_no: str) -> OrderHead:
        url = self._odata.url(self._names.read_projection, self._names.read_set + key(OrderNo=order_no))
        select = {"$select": ",".join(head_properties(self._profile))}
        return order_head(await self._odata.get("read customer order", url, select), self._profile)

    async def lines(self, order_no: str) -> list[OrderLineRow]:
        rows = await self._odata.get_all(
            "read order lines",
            self._child(order_no, self._profile.line.navigation),
            {"$select": ",".join(line_properties(self._profile)), "$orderby": "LineNo,RelNo,LineItemNo"},
        )
        return [order_line(row, self._profile) for row in rows]

    async def add_line(self, order_no: str, draft: CustomerOrderDraft, line: LineDraft) -> OrderLineRow:
        what = f"add order line {line.catalog_no}"
        url = self._child(order_no, self._profile.line.navigation)
        record = await self._odata.write(what, "POST", url, payloads.line(order_no, draft, line, self._setting))
        if record is not None and text(record, "LineNo"):
            return order_line(record, self._profile)
        return await read_back(what, self._line(order_no, line.key))

    async def _line(self, order_no: str, line_key: str) -> OrderLineRow | None:
        return next((row for row in await self.lines(order_no) if row.key == line_key), None)

    async def charges(self, order_no: str) -> list[ChargeRow]:
        rows = await self._odata.get_all(
            "read order charges",
            self._child(order_no, self._profile.charge.navigation),
            {"$select": ",".join(charge_properties(self._profile)), "$orderby": "SequenceNo"},
        )
        return charge_rows(rows, self._profile)

    async def add_charge(self, order_no: str, draft: CustomerOrderDraft, charge: ChargeDraft) -> ChargeRow:
        what = f"add charge {charge.charge_type}"
        url = self._child(order_no, self._profile.charge.navigation)
        record = await self._odata.write(what, "POST", url, payloads.charge(order_no, draft, charge, self._setting))
        if record is not None and text(record, "SequenceNo"):
            return replace(charge_rows([record], self._profile)[0], ordinal=charge.ordinal)
        return await read_back(what, self._charge(order_no, charge.key))

    async def _charge(self, order_no: str, charge_key: str) -> ChargeRow | None:
        return next((row for row in await self.charges(order_no) if row.key == charge_key), None)

    async def has_delivery_address(self, order_no: str) -> bool:
        url = self._child(order_no, self._profile.delivery_address.navigation)
        page = await self._odata.get("read delivery address", url, {"$top": "1"})
        return bool(page.get("value"))

    async def add_delivery_address(self, order_no: str, address: Address) -> None:
        url = self._child(order_no, self._profile.delivery_address.navigation)
        body = payloads.delivery_address(order_no, address, self._setting)
        await self._odata.write("add delivery address", "POST", url, body)

    async def pre_postings(self, row: OrderLineRow) -> list[PrePosting]:
        if row.pre_accounting_id is None:
            return []
        names = self._profile.pre_posting
        query = {"$orderby": PRE_ACCOUNTING_ID}
        if names.read_set:
            url = self._odata.url(self._names.projection, names.read_set)
            query["$filter"] = eq("ParentPreAccountingId", row.pre_accounting_id)
        else:
            objkey = await self._objkey(row.pre_accounting_id)
            if objkey is None:
                return []
            url = self._distributions(objkey)
        rows = await self._odata.get_all("read pre-posting", url, query)
        return [pre_posting(found, self._profile) for found in rows]

    async def begin_pre_posting(self, row: OrderLineRow) -> str:
        what = f"open pre-posting of line {row.line_no}"
        identity = _pre_accounting_id(row)
        url = self._odata.url(self._names.projection, self._profile.pre_posting.virtual_set)
        record = await self._odata.write(what, "POST", url, payloads.virtual_pre_posting(identity, self._setting))
        if record is not None and text(record, "Objkey"):
            return text(record, "Objkey")
        return await read_back(what, self._objkey(identity))

    async def _objkey(self, pre_accounting_id: int) -> str | None:
        """The pre-posting opened last, None where none is open."""
        url = self._odata.url(self._names.projection, self._profile.pre_posting.virtual_set)
        query = {"$filter": eq(PRE_ACCOUNTING_ID, pre_accounting_id), "$orderby": "Objkey"}
        rows = await self._odata.get_all("read open pre-posting", url, query)
        return text(rows[-1], "Objkey") if rows else None

    async def add_pre_posting(
        self, objkey: str, row: OrderLineRow, account: str, code_parts: Sequence[tuple[str, str]]
    ) -> None:
        url = self._distributions(objkey)
        body = payloads.distribution(_pre_accounting_id(row), account, code_parts, self._setting)
        await self._odata.write(f"add pre-posting of line {row.line_no}", "POST", url, body)

    def _distributions(self, objkey: str) -> str:
        names = self._profile.pre_posting
        opened = names.virtual_set + key(Objkey=objkey)
        return self._odata.url(self._names.projection, opened, names.distribution_navigation)

    async def release(self, order_no: str, etag: str) -> None:
        url = self._action(order_no, self._names.release_action, "release_action")
        await self._odata.action("release customer order", url, {}, etag)

    async def cancel(self, order_no: str, etag: str, reason: str) -> None:
        url = self._action(order_no, self._names.cancel_action, "cancel_action")
        parameters = _reason(self._names.cancel_reason_parameter, reason)
        await self._odata.action("cancel customer order", url, parameters, etag)

    async def between(self, first: date, last: date, contract: str, reference_prefix: str) -> list[OrderHead]:
        entered = self._names.entered_on
        begin, end = self._setting.midnight(first), self._setting.midnight(last + timedelta(days=1))
        rows = await self._odata.get_all(
            "read the customer orders of some days",
            self._odata.url(self._names.read_projection, self._names.read_set),
            {
                "$filter": all_of(
                    [
                        eq("Contract", contract),
                        starts_with(self._names.reference, reference_prefix),
                        f"{entered} ge {begin}",
                        f"{entered} lt {end}",
                    ]
                ),
                "$select": ",".join((*head_properties(self._profile), entered)),
                "$orderby": "OrderNo",
            },
        )
        return [
            replace(order_head(row, self._profile), entered_on=self._setting.day_of(text(row, entered))) for row in rows
        ]

    # changes of an order that exists

    async def change_line_quantity(self, order_no: str, row: OrderLineRow, quantity: Decimal) -> None:
        body = payloads.quantity(quantity, self._setting)
        what = f"change the quantity of line {row.line_no} of order {order_no}"
        await self._odata.patch(what, self._line_url(order_no, row), body, row.etag)

    async def cancel_line(self, order_no: str, row: OrderLineRow, reason: str) -> None:
        names = self._profile.line
        if not names.cancel_action:
            raise _unnamed("line.cancel_action")
        url = f"{self._line_url(order_no, row)}/{action_segment(self._names.projection, names.cancel_action)}"
        parameters = _reason(names.cancel_reason_parameter, reason)
        await self._odata.action(f"cancel line {row.line_no} of order {order_no}", url, parameters, row.etag)

    async def note(self, order_no: str, note: str) -> None:
        names = self._names
        if not names.tracking:
            raise _unnamed("order.tracking")
        url = self._odata.url(names.projection, names.set + key(OrderNo=order_no))
        record = await self._odata.get("read the order's text", url, {"$select": f"OrderNo,{names.tracking}"})
        before = text(record, names.tracking)
        after = payloads.noted(before, note, self._setting)
        if after != before:
            await self._odata.patch("note on customer order", url, {names.tracking: after}, text(record, ETAG))

    def _line_url(self, order_no: str, row: OrderLineRow) -> str:
        one = key(OrderNo=order_no, LineNo=row.line_no, RelNo=row.rel_no, LineItemNo=row.line_item_no)
        return self._child(order_no, self._profile.line.navigation + one)

    async def probe(self) -> None:
        url = self._odata.url(self._names.read_projection, self._names.read_set)
        await self._odata.get("probe customer orders", url, {"$top": "1", "$select": "OrderNo"})

    def _child(self, order_no: str, navigation: str) -> str:
        return self._odata.url(self._names.projection, self._names.set + key(OrderNo=order_no), navigation)

    def _action(self, order_no: str, action: str, profile_key: str) -> str:
        if not action:
            raise _unnamed(f"order.{profile_key}")
        return self._child(order_no, action_segment(self._names.projection, action))


def _reason(parameter: str, reason: str) -> Record:
    return {parameter: reason} if parameter and reason else {}


def _unnamed(profile_key: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"The IFS profile names no {profile_key}.",
        remedy=f"Name it in the profile ({profile_key}), or do this step in IFS.",
    )


def _pre_accounting_id(row: OrderLineRow) -> int:
    if row.pre_accounting_id is None:
        raise ConfigurationProblem(
            f"IFS gave line {row.line_no} of order {row.order_no} no PreAccountingId.",
            remedy="Use posting control for this connection, or ask IFS why order lines cannot be pre-posted.",
        )
    return row.pre_accounting_id


async def read_back(what: str, reading: Awaitable[T | None]) -> T:
    """The record that a write answered with 204 for. The write is done, so whatever fails now leaves it *unknown*."""
    try:
        found = await reading
    except IfsError as error:
        raise OutcomeUnknown(f"{what}: sent, but not read back: {error.message}", answer=error.answer) from error
    if found is None:
        raise OutcomeUnknown(f"{what}: sent, but IFS does not show it, or shows more than one.")
    return found
