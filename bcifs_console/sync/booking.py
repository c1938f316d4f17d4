"""Posting one GL voucher: header → rows → confirmation → read-back; or, by file, its place in the outbox.

What is to stand in IFS comes frozen in a VoucherDraft; which calls are done comes from the ledger. A crash anywhere
resumes at the first call that is not confirmed. A voucher is never corrected or deleted from here: what IFS holds
otherwise than sent is shown to a person.
"""

from typing import Final

from bcifs_console.domain.documents import DocumentState, LedgerDocument
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import ClosedPeriod, VoucherTransport
from bcifs_console.domain.states import Claim
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs.errors import BusinessRule, Conflict, MissingMasterData, PeriodClosed
from bcifs_console.ifs.stdvou import BatchEntry, UnwritableEntry, render
from bcifs_console.ifs.voucher_differences import matching_rows, voucher_differences
from bcifs_console.ifs.voucher_records import VoucherHead, VoucherRowRecord
from bcifs_console.store.ledger import DocumentChange
from bcifs_console.sync.calls import JournalledCalls, Step
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime

HEADER: Final = "header"
CONFIRM: Final = "confirm"
READ_BACK: Final = "read_back"
_CONFIRM_TRIES: Final = 3


class VoucherPosting:
    """Brings one voucher into IFS."""

    def __init__(self, runtime: Runtime, claim: Claim, document: LedgerDocument, draft: VoucherDraft) -> None:
        self._runtime = runtime
        self._ifs = runtime.ifs
        self._document = document
        self._draft = draft
        self._day = document.day or draft.day
        self._calls = JournalledCalls(runtime, claim, document)
        self._known_head: VoucherHead | None = None

    async def carry_out(self) -> None:
        """Do every call that is missing. By file nothing: the outbox puts the voucher into exactly one batch.

        Raises Waiting (period, conflict), OutcomeStillUnknown, LeaseLost and the IFS errors.
        """
        if self._runtime.policy.voucher_transport is VoucherTransport.EXTERNAL_FILE:
            await self._try_file()
            return
        try:
            await self._post()
        finally:
            await self._calls.flush()

    async def _try_file(self) -> None:
        """Refuse a voucher that no file can hold before a batch takes it: one would keep back all others."""
        entry = BatchEntry(self._document.id, self._draft, self._day)
        try:
            render([entry], self._runtime.connection.ifs.company, self._ifs.profile)
        except UnwritableEntry as fault:
            self._calls.note(DocumentChange(state=DocumentState.FAILED, error=fault.message))
            await self._calls.flush()
            blocker = Blocker(Reason.MAPPING, fault.message, fault.remedy, self._draft.key)
            raise Waiting(Reason.MAPPING, (blocker,)) from fault

    async def _post(self) -> None:
        reference = await self._header()
        for number, row in enumerate(self._draft.rows, start=1):
            await self._calls.run(self._row_step(reference, number, row))
        await self._calls.run(Step(CONFIRM, lambda: self._confirm(reference), lambda: self._is_confirmed(reference)))
        if not self._calls.is_confirmed(READ_BACK):
            head, rows = await self._read(reference)
            self._refuse_differences(head, voucher_differences(self._draft, head, rows, self._ifs.profile))
            self._calls.note(DocumentChange(etag=head.etag))
            self._calls.mark(READ_BACK)
        self._calls.note(DocumentChange(state=DocumentState.CONFIRMED, error=""))

    # -- header ------------------------------------------------------------------------------------------------------

    async def _header(self) -> str:
        async def send() -> str:
            return await self._create()

        if not self._calls.is_confirmed(HEADER):
            self._calls.note(DocumentChange(state=DocumentState.SENT))
        reference = await self._calls.run(Step(HEADER, send, self._find, look_first=True))
        if self._document.reference != reference:
            self._calls.note(DocumentChange(reference=reference))
        return reference

    async def _create(self) -> str:
        """Create the header on the voucher's day, or, where its period is closed and the policy says so, later."""
        try:
            return (await self._ifs.create_voucher(self._draft, self._day)).reference
        except BusinessRule as refusal:
            why = await self._ifs.voucher_refusal(refusal, self._day)
            if not isinstance(why, PeriodClosed):
                raise
        later = None
        if self._runtime.policy.closed_period is ClosedPeriod.NEXT_OPEN:
            later = await self._ifs.next_open_day(self._day)
        if later is None or later == self._day:
            raise self._closed(why)
        self._day = later
        self._calls.note(DocumentChange(day=later))
        return (await self._ifs.create_voucher(self._draft, later)).reference

    def _closed(self, why: PeriodClosed) -> Waiting:
        message = f"{self._draft.key} was not posted. {why.message}"
        blocker = Blocker(Reason.PERIOD, message, why.remedy, subject=f"{self._day:%Y-%m}")
        return Waiting(Reason.PERIOD, (blocker,))

    async def _find(self) -> str | None:
        """The voucher that carries our key. More than one is never chosen between."""
        found = await self._ifs.find_vouchers(self._draft.key, self._draft.day)
        if len(found) > 1:
            raise _conflict(
                f"IFS has several vouchers with the text {self._draft.key}: {', '.join(h.reference for h in found)}.",
                "Cancel or reverse all but one of them in IFS, then sync this order again.",
                self._draft.key,
            )
        return found[0].reference if found else None

    # -- rows --------------------------------------------------------------------------------------------------------

    def _row_step(self, reference: str, number: int, row: VoucherRow) -> Step:
        async def send() -> str:
            head = await self._head(reference)
            try:
                added = await self._ifs.add_voucher_row(head, self._draft, row)
            except MissingMasterData as error:
                raise MissingMasterData(
                    f"Account {row.account} ({row.purpose.value}): {error.message}",
                    remedy=error.remedy,
                    answer=error.answer,
                ) from error
            return str(added.row_no)

        async def look_up() -> str | None:
            head, rows = await self._read(reference)
            there = matching_rows(self._draft, head, rows, self._ifs.profile).found[number - 1]
            return None if there is None else str(there.row_no)

        return Step(f"row:{number}", send, look_up)

    async def _head(self, reference: str) -> VoucherHead:
        """The header as known: rows hang on its key, whatever its ETag is by now."""
        if self._known_head is None:
            self._known_head = await self._ifs.voucher(reference)
        return self._known_head

    async def _read(self, reference: str) -> tuple[VoucherHead, list[VoucherRowRecord]]:
        head = await self._ifs.voucher(reference)
        return head, await self._ifs.voucher_rows(head)

    # -- confirmation ------------------------------------------------------------------------------------------------

    async def _confirm(self, reference: str) -> str:
        """Confirm what was read just before: with a row that is not ours, or one that lacks, it is not confirmed."""
        for tries_left in reversed(range(_CONFIRM_TRIES)):
            head, rows = await self._read(reference)
            if head.is_confirmed:
                break
            match = matching_rows(self._draft, head, rows, self._ifs.profile)
            self._refuse_differences(
                head,
                (
                    *(f"row {self._draft.rows[index].account} is not there" for index in match.missing),
                    *(f"row {row.row_no} on {row.account} was not sent by us" for row in match.strangers),
                ),
            )
            try:
                await self._ifs.confirm_voucher(head)
            except Conflict:
                if not tries_left:
                    raise
            except BusinessRule as refusal:
                why = await self._ifs.voucher_refusal(refusal, self._day)
                raise (self._closed(why) if isinstance(why, PeriodClosed) else refusal) from refusal
            else:
                break
        return "confirmed"

    async def _is_confirmed(self, reference: str) -> str | None:
        head = await self._ifs.voucher(reference)
        return "confirmed" if head.is_confirmed else None

    def _refuse_differences(self, head: VoucherHead, differences: tuple[str, ...]) -> None:
        if differences:
            raise _conflict(
                f"Voucher {head.reference} in IFS is not what {self._draft.key} sent: {'; '.join(differences)}.",
                "Correct it in IFS (automatic tax must be off for this voucher type), then sync this order again.",
                self._draft.key,
            )


def _conflict(message: str, remedy: str, subject: str) -> Waiting:
    return Waiting(Reason.CONFLICT, (Blocker(Reason.CONFLICT, message, remedy, subject),), cause="conflict:voucher")
