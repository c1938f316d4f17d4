"""GL vouchers in IFS: made, looked up, read and confirmed; one HTTP call per method unless it says otherwise.

Bodies are made in `voucher_payloads.py`, answers read in `voucher_records.py`. A half-made voucher is never removed
here: it is completed, or a person decides.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs import voucher_payloads
from bcifs_console.ifs.errors import IfsError, LookupIncomplete, NotFound
from bcifs_console.ifs.naming import split_path
from bcifs_console.ifs.odata import action_segment, all_of, at_least, at_most, eq, key
from bcifs_console.ifs.orders import read_back
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.voucher_differences import matching_rows
from bcifs_console.ifs.voucher_names import LookupSource
from bcifs_console.ifs.voucher_records import (
    BookedVoucher,
    VoucherHead,
    VoucherId,
    VoucherRowRecord,
    booked,
    booked_in_hold,
    head_of_rows,
    head_properties,
    row_properties,
    rows_by_voucher,
    voucher_head,
    voucher_row,
    without_cancelled,
)
from bcifs_console.ifs.wire import Record

_READ: Final = "read voucher"


class Vouchers:
    """The vouchers of one connection's company and voucher type."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting
        self._profile = setting.profile
        self._names = setting.profile.voucher

    # made

    async def create(self, draft: VoucherDraft, day: date) -> VoucherHead:
        what = f"create voucher {draft.key}"
        url = self._odata.url(self._names.projection, self._names.set)
        record = await self._odata.write(what, "POST", url, voucher_payloads.header(draft, day, self._setting))
        if record is not None:
            head = voucher_head(record, self._profile)
            if head.voucher_type and head.year and head.number:
                return head
        return await read_back(what, self._only(draft.key, day))

    async def _only(self, voucher_key: str, day: date) -> VoucherHead | None:
        heads = await self.find(voucher_key, day)
        return heads[0] if len(heads) == 1 else None

    async def add_row(self, head: VoucherHead, draft: VoucherDraft, row: VoucherRow) -> VoucherRowRecord:
        what = f"add row {row.account} to voucher {head.reference}"
        body = voucher_payloads.row(head, draft, row, self._setting)
        record = await self._odata.write(what, "POST", self._rows_url(head.id), body)
        if record is not None:
            added = voucher_row(record, self._profile)
            if added.row_no:
                return added
        return await read_back(what, self._last_like(head, draft, row))

    async def _last_like(self, head: VoucherHead, draft: VoucherDraft, row: VoucherRow) -> VoucherRowRecord | None:
        """The row added last of those that say what `row` says."""
        existing = await self.rows(head)
        for candidate in sorted(existing, key=lambda found: found.row_no, reverse=True):
            if matching_rows(replace(draft, rows=(row,)), head, [candidate], self._profile).is_exact:
                return candidate
        return None

    async def confirm(self, head: VoucherHead) -> None:
        if not self._names.confirm_action:
            raise ConfigurationProblem(
                "The IFS profile names no voucher.confirm_action.",
                remedy="Name the action in the profile (voucher.confirm_action), or approve the vouchers in IFS.",
            )
        segment = action_segment(self._names.projection, self._names.confirm_action)
        url = self._odata.url(self._names.projection, self._one(head.id), segment)
        await self._odata.action(f"confirm voucher {head.reference}", url, {}, head.etag)

    # looked up and read

    async def find(self, voucher_key: str, day: date) -> list[VoucherHead]:
        heads: list[VoucherHead] = []
        for source in self._names.lookup_sources:
            try:
                heads += await self._shown_by(source, voucher_key, day)
            except IfsError as error:
                raise LookupIncomplete.because(f"voucher {voucher_key}", source.path, error) from error
        return without_cancelled(heads, self._profile)

    async def _shown_by(self, source: LookupSource, voucher_key: str, day: date) -> list[VoucherHead]:
        """What one source shows under that key: vouchers themselves, or rows of some."""
        is_header = source.path == self._names.path
        names = self._names.header if is_header else self._names.row
        rows = await self._odata.get_all(
            "find voucher by key",
            self._odata.url(*split_path(source.path)),
            {
                "$filter": all_of(
                    [
                        eq(source.key, voucher_key),
                        eq(names.company, self._setting.access.company),
                        eq(names.voucher_type, self._names.voucher_type),
                        at_least(names.date, day),
                    ]
                ),
                "$select": ",".join(head_properties(self._profile) if is_header else row_properties(self._profile)),
                "$orderby": ",".join((names.year, names.number) if is_header else self._row_order()),
            },
        )
        if is_header:
            return [voucher_head(row, self._profile) for row in rows]
        return [head_of_rows(found, its, self._profile) for found, its in rows_by_voucher(rows, self._profile).items()]

    async def head(self, reference: str) -> VoucherHead:
        voucher = VoucherId.parse(reference)
        url = self._odata.url(self._names.projection, self._one(voucher))
        select = {"$select": ",".join(head_properties(self._profile))}
        try:
            return voucher_head(await self._odata.get(_READ, url, select), self._profile)
        except NotFound:
            rows = await self._analysis_of(voucher)
            if not rows:
                raise
        return head_of_rows(voucher, rows, self._profile)

    async def rows(self, head: VoucherHead) -> list[VoucherRowRecord]:
        found: list[Record] = []
        if not head.has_left_hold:
            query = {"$select": ",".join(row_properties(self._profile)), "$orderby": self._names.row.row_no}
            try:
                found = await self._odata.get_all("read voucher rows", self._rows_url(head.id), query)
            except NotFound:
                found = []  # Update GL has moved it meanwhile, or it is gone: the analysis tells
        if not found:
            found = await self._analysis_of(head.id)
        return [voucher_row(row, self._profile) for row in found]

    async def _analysis_of(self, voucher: VoucherId) -> list[Record]:
        names = self._names.row
        return await self._analysis(
            "read voucher rows from the analysis",
            [
                eq(names.voucher_type, voucher.voucher_type),
                eq(names.year, voucher.year),
                eq(names.number, voucher.number),
            ],
        )

    async def between(self, first: date, last: date) -> list[BookedVoucher]:
        names, header = self._names.row, self._names.header
        mine = eq(names.voucher_type, self._names.voucher_type)
        rows = await self._analysis(
            "read the vouchers of some days", [mine, at_least(names.date, first), at_most(names.date, last)]
        )
        heads = await self._odata.get_all(
            "read the voucher headers of some days",
            self._odata.url(self._names.projection, self._names.set),
            {
                "$filter": all_of(
                    [
                        eq(header.company, self._setting.access.company),
                        eq(header.voucher_type, self._names.voucher_type),
                        at_least(header.date, first),
                        at_most(header.date, last),
                    ]
                ),
                "$select": ",".join(head_properties(self._profile)),
                "$orderby": f"{header.year},{header.number}",
            },
        )
        in_hold = {head.id: head for head in (voucher_head(row, self._profile) for row in heads)}
        found = {
            voucher: booked(voucher, its, in_hold.get(voucher), self._profile)
            for voucher, its in rows_by_voucher(rows, self._profile).items()
        }
        for voucher, head in in_hold.items():
            if voucher not in found:
                found[voucher] = booked_in_hold(head, await self.rows(head), self._profile)
        return [found[voucher] for voucher in sorted(found)]

    async def _analysis(self, what: str, conditions: Sequence[str]) -> list[Record]:
        company = eq(self._names.row.company, self._setting.access.company)
        return await self._odata.get_all(
            what,
            self._odata.url(*split_path(self._names.analysis)),
            {
                "$filter": all_of([company, *conditions]),
                "$select": ",".join(row_properties(self._profile)),
                "$orderby": ",".join(self._row_order()),
            },
        )

    async def probe(self) -> None:
        for path in {self._names.path, self._names.analysis, *(source.path for source in self._names.lookup_sources)}:
            select = self._names.header.number if path == self._names.path else self._names.row.number
            await self._odata.get(
                "probe vouchers", self._odata.url(*split_path(path)), {"$top": "1", "$select": select}
            )

    def _row_order(self) -> tuple[str, ...]:
        names = self._names.row
        return (names.year, names.number, names.row_no)

    def _one(self, voucher: VoucherId) -> str:
        header = self._names.header
        parts: dict[str, str | int] = {
            header.company: self._setting.access.company,
            header.voucher_type: voucher.voucher_type,
            header.year: voucher.year,
            header.number: voucher.number,
        }
        return self._names.set + key(**parts)

    def _rows_url(self, voucher: VoucherId) -> str:
        return self._odata.url(self._names.projection, self._one(voucher), self._names.rows)
