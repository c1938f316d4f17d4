"""Posting one GL voucher: header → rows → confirmation → read-back; or, by file, its place in the outbox.

What is to stand in IFS comes frozen in a VoucherDraft; which calls are done comes from the ledger. A crash anywhere
resumes at the first call that is not confirmed. A voucher is never corrected or deleted from here: what IFS holds
otherwise than sent is shown to a person.
"""

from datetime import date
from typing import Final

from bcifs_console.domain.documents import DocumentState, LedgerDocument
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import ClosedPeriod, VoucherTransport
from bcifs_console.domain.states import Claim
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs.errors import BusinessRule, IfsError, MissingMasterData, NotFound, PeriodClosed
from bcifs_console.ifs.stdvou import BatchEntry, UnwritableEntry, render
from bcifs_console.ifs.voucher_differences import RowMatch, matching_rows, voucher_differences
from bcifs_console.ifs.voucher_records import VoucherHead, VoucherRowRecord
from bcifs_console.store.ledger import DocumentChange
from bcifs_console.sync.calls import JournalledCalls, Step, again_on_conflict, named
from bcifs_console.sync.redraft import nothing_in_ifs
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime

HEADER: Final = "header"
ADOPTED: Final = "adopted"
CONFIRM: Final = "confirm"
READ_BACK: Final = "read_back"


class VoucherPosting:
    """Brings one voucher into IFS."""

    def __init__(
        self, runtime: Runtime, claim: Claim, document: LedgerDocument, draft: VoucherDraft, *, since: date
    ) -> None:
        """`since`: no voucher of this order is dated earlier, whatever day a look would give it now."""
        self._runtime = runtime
        self._ifs = runtime.ifs
        self._document = document
        self._draft = draft
        self._since = min(since, draft.day)
        self._day = document.day or draft.day
        self._calls = JournalledCalls(runtime, claim, document)
        self._known_head: VoucherHead | None = None
        #: the header was found, not made by us just now: rows may hang on it already
        self._adopted = self._calls.is_confirmed(ADOPTED)

    async def carry_out(self) -> None:
        """Do every call that is missing. By file nothing: the outbox puts the voucher into exactly one batch.

        A voucher that went one way stays on it: one in a batch is never posted by rest, and what was begun by rest is
        finished by rest. Raises Waiting (period, conflict, mapping), OutcomeStillUnknown, LeaseLost and the IFS errors.
        """
        if self._document.batch is not None:
            return
        transport = self._runtime.policy.voucher_transport
        if transport is not VoucherTransport.REST and nothing_in_ifs(self._document):
            if transport is VoucherTransport.EXTERNAL_FILE:
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
        if self._document.state is not DocumentState.INTENDED:
            self._calls.note(DocumentChange(state=DocumentState.INTENDED, error=""))  # only such a one is put into one
            await self._calls.flush()

    async def _post(self) -> None:
        reference = await self._header()
        try:
            await self._complete(reference)
        except NotFound as gone:
            raise self._vanished(reference, gone) from gone
        self._calls.note(DocumentChange(state=DocumentState.CONFIRMED, error=""))

    async def _complete(self, reference: str) -> None:
        """Rows, confirmation and read-back of the voucher whose header is known."""
        if self._adopted:
            await self._check_adopted(reference)
        for number, row in enumerate(self._draft.rows, start=1):
            await self._calls.run(self._row_step(reference, number, row))
        await self._calls.run(self._confirm_step(reference))
        if not self._calls.is_confirmed(READ_BACK):
            head, rows = await self._read(reference)
            self._refuse_differences(head, voucher_differences(self._draft, head, rows, self._ifs.profile))
            self._calls.note(DocumentChange(etag=head.etag))
            self._calls.mark(READ_BACK)

    # -- header ------------------------------------------------------------------------------------------------------

    async def _header(self) -> str:
        """The voucher's header on its day, or, where that period is closed and the policy says so, later."""
        if not self._calls.is_confirmed(HEADER):
            self._calls.note(DocumentChange(state=DocumentState.SENT))
        step = Step(HEADER, self._create, self._find, look_first=True)
        try:
            reference = await self._calls.run(step)
        except _DayClosed:
            if not await self._move_on():
                raise
            # As a call of its own: whoever was stopped in between must not make a twin of another worker's voucher.
            reference = await self._calls.run(step)
        if self._adopted and not self._calls.is_confirmed(ADOPTED):
            self._calls.mark(ADOPTED)
        if self._document.reference != reference:
            self._calls.note(DocumentChange(reference=reference))
        return reference

    async def _create(self) -> str:
        try:
            return (await self._ifs.create_voucher(self._draft, self._day)).reference
        except BusinessRule as refusal:
            raise await self._said(refusal) from refusal

    async def _move_on(self) -> bool:
        """Go to the next day that is open, where the policy says so and there is one."""
        if self._runtime.policy.closed_period is not ClosedPeriod.NEXT_OPEN:
            return False
        later = await self._ifs.next_open_day(self._day)
        if later is None or later == self._day:
            return False
        self._day = later
        self._calls.note(DocumentChange(day=later))
        return True

    async def _said(self, refusal: BusinessRule) -> "IfsError | _DayClosed":
        """What a refusal comes to: IFS is asked whether it was for the period, its text is never read."""
        why = await self._ifs.voucher_refusal(refusal, self._day)
        if not isinstance(why, PeriodClosed):
            return refusal
        return _DayClosed(self._draft, self._day, why, is_begun=self._calls.is_confirmed(HEADER))

    async def _find(self) -> str | None:
        """The voucher that carries our key. More than one is never chosen between."""
        found = await self._ifs.find_vouchers(self._draft.key, self._since)
        if len(found) > 1:
            raise _conflict(
                f"IFS has several vouchers with the text {self._draft.key}: {', '.join(h.reference for h in found)}.",
                "Cancel or reverse all but one of them in IFS, then sync this order again.",
                self._draft.key,
            )
        if not found:
            return None
        self._adopted = True
        return found[0].reference

    # -- rows --------------------------------------------------------------------------------------------------------

    def _row_step(self, reference: str, number: int, row: VoucherRow) -> Step:
        async def prepare() -> None:
            await self._head(reference)

        async def send() -> str:
            try:
                added = await self._ifs.add_voucher_row(await self._head(reference), self._draft, row)
            except MissingMasterData as error:
                raise named(error, f"Account {row.account} ({row.purpose.value})") from error
            except BusinessRule as refusal:
                raise await self._said(refusal) from refusal
            return str(added.row_no)

        async def look_up() -> str | None:
            head, rows = await self._read(reference)
            there = matching_rows(self._draft, head, rows, self._ifs.profile).found[number - 1]
            return None if there is None else str(there.row_no)

        return Step(f"row:{number}", send, look_up, prepare, look_first=self._adopted)

    async def _head(self, reference: str) -> VoucherHead:
        """The header as known: rows hang on its key, whatever its ETag is by now."""
        if self._known_head is None:
            self._known_head = await self._ifs.voucher(reference)
        return self._known_head

    async def _check_adopted(self, reference: str) -> None:
        """Refuse to add to a voucher that is not the one we would have made: it carries our key, no more."""
        head, rows = await self._read(reference)
        match = matching_rows(self._draft, head, rows, self._ifs.profile)
        self._refuse_differences(head, (*(self._missing(match) if head.is_confirmed else ()), *_strangers(match)))

    def _missing(self, match: RowMatch) -> tuple[str, ...]:
        return tuple(f"row {self._draft.rows[index].account} is not there" for index in match.missing)

    async def _read(self, reference: str) -> tuple[VoucherHead, list[VoucherRowRecord]]:
        head = await self._ifs.voucher(reference)
        return head, await self._ifs.voucher_rows(head)

    # -- confirmation ------------------------------------------------------------------------------------------------

    def _confirm_step(self, reference: str) -> Step:
        async def confirm() -> str:
            head, rows = await self._read(reference)
            if not head.is_confirmed:
                # As read just before: with a row that is not ours, or one that lacks, it is not confirmed.
                match = matching_rows(self._draft, head, rows, self._ifs.profile)
                self._refuse_differences(head, (*self._missing(match), *_strangers(match)))
                try:
                    await self._ifs.confirm_voucher(head)
                except BusinessRule as refusal:
                    raise await self._said(refusal) from refusal
            return "confirmed"

        async def look_up() -> str | None:
            head = await self._ifs.voucher(reference)
            return "confirmed" if head.is_confirmed else None

        return Step(CONFIRM, lambda: again_on_conflict(confirm), look_up)

    def _vanished(self, reference: str, gone: NotFound) -> Waiting:
        return _conflict(
            f"Voucher {self._draft.key} was begun in IFS, and {reference} is no longer there: {gone.message}",
            "Find out who removed it and whether the fact is booked otherwise; it is never made again by itself. If it "
            "is there, let the service user see it. Then sync this order again.",
            self._draft.key,
        )

    def _refuse_differences(self, head: VoucherHead, differences: tuple[str, ...]) -> None:
        if differences:
            raise _conflict(
                f"Voucher {head.reference} in IFS is not what {self._draft.key} sent: {'; '.join(differences)}.",
                "Correct it in IFS (automatic tax must be off for this voucher type), then sync this order again.",
                self._draft.key,
            )


def _strangers(match: RowMatch) -> tuple[str, ...]:
    return tuple(f"row {row.row_no} on {row.account} was not sent by us" for row in match.strangers)


class _DayClosed(Waiting):
    """IFS refused a call for the period of the voucher's date."""

    def __init__(self, draft: VoucherDraft, day: date, why: BusinessRule, *, is_begun: bool) -> None:
        message = f"{draft.key} was not posted. {why.message}"
        by_hand = (
            " If it stays closed, book the voucher in IFS by hand and say where: "
            f"bcifs orders booked {draft.order_id} {draft.key} --reference REF"
        )
        remedy = why.remedy if is_begun else why.remedy + by_hand
        super().__init__(Reason.PERIOD, (Blocker(Reason.PERIOD, message, remedy, subject=f"{day:%Y-%m}"),))


def _conflict(message: str, remedy: str, subject: str) -> Waiting:
    return Waiting(Reason.CONFLICT, (Blocker(Reason.CONFLICT, message, remedy, subject),), cause="conflict:voucher")
