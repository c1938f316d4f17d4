"""Journalled calls: the write-ahead protocol between the ledger and IFS, the same for every kind of document.

For each call: write *sent* and commit, make the call, write the answer together with the next call's *sent*. A call
whose answer was lost is looked up, and sent again only when look-ups still find nothing `resend_after` past its hard
deadline, because until then it may be running (DESIGN §6).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bcifs_console.base.clock import iso
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.documents import DocumentState, LedgerDocument, LedgerPart, PartState
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import (
    BadRequest,
    BusinessRule,
    Conflict,
    Duplicate,
    IfsError,
    MissingMasterData,
    NotFound,
    OutcomeUnknown,
)
from bcifs_console.store import ledger
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.ledger import NO_CHANGE, DocumentChange, PartChange
from bcifs_console.sync.retry import OutcomeStillUnknown, Waiting
from bcifs_console.sync.runtime import Runtime

#: IFS answered, and sending the same again cannot help: a person or a changed mapping must.
REFUSED: Final = (BadRequest, BusinessRule, Duplicate, MissingMasterData, NotFound)
#: After so many sends without an answer a person looks; each later look may send once more, ten minutes apart.
_SENDS_IN_A_ROW: Final = 5
_BEFORE_ONE_MORE: Final = timedelta(minutes=10)
_FIRST_LOOK: Final = timedelta(seconds=1)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a document. `send` and `look_up` answer with the reference to keep; None means not there."""

    name: str
    send: Callable[[], Awaitable[str]]
    look_up: Callable[[], Awaitable[str | None]]
    prepare: Callable[[], Awaitable[None]] | None = None  #: harmless calls that must come first
    look_first: bool = False  #: it may be there although the ledger does not know (an adopted document)


class JournalledCalls:
    """Carries out the steps of one document for the holder of a claim."""

    def __init__(
        self, runtime: Runtime, claim: Claim, document: LedgerDocument, *, guard: Callable[[Tx], None] | None = None
    ) -> None:
        """`guard` is called first in every commit: it raises where something else than the order is held no longer."""
        self._runtime = runtime
        self._guard = guard
        self._claim = claim
        self._lease_until = claim.until
        self._document = document
        self._parts: dict[str, LedgerPart] = {part.name: part for part in document.parts}
        self._ordinal = max((part.ordinal for part in document.parts), default=-1)
        self._unwritten: list[PartChange] = []
        self._change = NO_CHANGE

    def is_confirmed(self, name: str) -> bool:
        """Whether the named call is known to have been carried out."""
        part = self._parts.get(name)
        return part is not None and part.state is PartState.CONFIRMED

    def reference(self, name: str) -> str:
        """What the confirmed call answered with."""
        return self._parts[name].reference

    async def run(self, step: Step) -> str:
        """Make sure `step` is carried out, once, and return its reference.

        Raises OutcomeStillUnknown where that cannot be told yet, LeaseLost, and what IFS refuses it with.
        """
        part = self._parts.get(step.name)
        if part is not None and part.state is PartState.CONFIRMED:
            return part.reference
        if part is not None and part.state in (PartState.SENT, PartState.UNKNOWN):
            return await self._resolve(step, part)
        may_be_there = step.look_first or (part is not None and part.state is PartState.FAILED)
        if may_be_there and (found := await step.look_up()) is not None:
            return self._confirmed(step, found)
        return await self._send(step)

    def note(self, change: DocumentChange) -> None:
        """Write `change` of the document with the next commit, beside what was noted before."""
        given = {f.name: v for f in fields(change) if (v := getattr(change, f.name)) is not None}
        self._change = replace(self._change, **given)

    def mark(self, name: str) -> None:
        """Note, with the next commit, that a step without a write of its own (a read-back) is done."""
        self._write_later(PartChange(name, self._ordinal_of(name), PartState.CONFIRMED))

    async def flush(self) -> None:
        """Commit what is not written yet."""
        if self._unwritten or self._change != NO_CHANGE:
            is_complete = self._change.state is DocumentState.CONFIRMED
            await self._commit([])
            if is_complete:
                self._tell("confirmed")

    def _tell(self, outcome: str) -> None:
        if self._runtime.on_document is not None:
            self._runtime.on_document(self._document.kind.value, outcome)

    async def _send(self, step: Step) -> str:
        if step.prepare is not None:
            if not self._lease_outlasts_a_call():
                await self._commit([])
            await step.prepare()
        deadline = self._runtime.clock.now() + self._runtime.timing.request_deadline
        ordinal = self._ordinal_of(step.name)
        await self._commit([PartChange(step.name, ordinal, PartState.SENT, deadline_at=deadline)])
        if not self._lease_outlasts_a_call():
            # We were stopped for so long that another worker may have the order by now. It finds the call as sent,
            # looks it up, and sends it when its time has come; so may we, with a new claim.
            raise LeaseLost(f"order {self._claim.order_id}")
        try:
            reference = await step.send()
        except OutcomeUnknown as error:
            await self._commit([PartChange(step.name, ordinal, PartState.UNKNOWN, error=error.message)])
            self._tell("unknown")
            return await self._resolve(step, self._parts[step.name])
        except Duplicate as error:
            found = await step.look_up()
            if found is None:
                await self._commit([PartChange(step.name, ordinal, PartState.FAILED, error=error.message)])
                raise
            return self._confirmed(step, found)
        except REFUSED as error:
            await self._commit([PartChange(step.name, ordinal, PartState.FAILED, error=error.message)])
            self._tell("refused")
            raise
        except (IfsError, Waiting, ConfigurationProblem) as error:
            # Every other answer says that IFS has not carried it out: it may simply be sent again. `Waiting`: after
            # such an answer the step itself found that a person must look first. ConfigurationProblem: it never left.
            await self._commit([PartChange(step.name, ordinal, PartState.INTENDED, error=error.message)])
            raise
        return self._confirmed(step, reference)

    def _never_heard(self, step: Step, part: LedgerPart) -> Waiting:
        """Sent several times, never an answer, never found: more of the same helps nobody."""
        said = f" IFS said last: {part.error}" if part.error else ""
        blocker = Blocker(
            Reason.UNKNOWN_OUTCOME,
            f"{step.name} of {self._document.key} was sent {part.sends} times, the last time at "
            f"{iso(part.sent_at)}, without a usable answer, and IFS does not show it.{said}",
            f"Look for {self._document.key} in IFS. If it is there, find out why the service user cannot see it; if "
            "not, find out what goes wrong there. Then sync this order: after ten minutes it is sent once more.",
            subject=self._document.key,
        )
        return Waiting(Reason.UNKNOWN_OUTCOME, (blocker,))

    def _lease_outlasts_a_call(self) -> bool:
        """Whether nobody can take the order over before a call that begins now is surely over (DESIGN §6)."""
        timing = self._runtime.timing
        return self._runtime.clock.now() + timing.request_deadline + timing.resend_after <= self._lease_until

    async def _resolve(self, step: Step, part: LedgerPart) -> str:
        asked_at = self._runtime.clock.now()
        found = await step.look_up()
        if found is not None:
            return self._confirmed(step, found)
        may_resend_at = (part.deadline_at or part.sent_at or asked_at) + self._runtime.timing.resend_after
        if asked_at >= may_resend_at:
            if part.sends >= _SENDS_IN_A_ROW and asked_at < may_resend_at + _BEFORE_ONE_MORE:
                raise self._never_heard(step, part)
            return await self._send(step)
        unknown = PartChange(step.name, part.ordinal, PartState.UNKNOWN, looked_up=True, error=part.error)
        await self._commit([unknown])
        raise OutcomeStillUnknown(f"{step.name} of {self._document.key}", self._look_at(part, asked_at, may_resend_at))

    @staticmethod
    def _look_at(part: LedgerPart, asked_at: datetime, may_resend_at: datetime) -> datetime:
        """Look up again after 1, 2, 4 … seconds, the last time exactly when it may be sent again."""
        growing = asked_at + _FIRST_LOOK * (1 << min(part.look_ups, 10))
        return min(growing, may_resend_at)

    def _confirmed(self, step: Step, reference: str) -> str:
        self._write_later(PartChange(step.name, self._ordinal_of(step.name), PartState.CONFIRMED, reference))
        return reference

    def _write_later(self, change: PartChange) -> None:
        self._unwritten.append(change)
        self._remember(change)

    def _ordinal_of(self, name: str) -> int:
        part = self._parts.get(name)
        if part is not None:
            return part.ordinal
        self._ordinal += 1
        return self._ordinal

    async def _commit(self, parts: list[PartChange]) -> None:
        """One commit: the answers not written yet, and `parts`. Also proves and extends the lease."""
        changes = [*self._unwritten, *parts]
        change, lease = self._change, self._runtime.timing.lease
        document_id, claim = self._document.id, self._claim
        asked_at = self._runtime.clock.now()
        guard = self._guard

        def write(tx: Tx) -> None:
            if guard is not None:
                guard(tx)
            ledger.record(tx, claim, document_id, changes, change, lease=lease)

        await self._runtime.database.write(write)
        self._lease_until = asked_at + lease
        self._unwritten.clear()
        self._change = NO_CHANGE
        for written in parts:
            self._remember(written)

    def _remember(self, change: PartChange) -> None:
        before = self._parts.get(change.name)
        self._parts[change.name] = LedgerPart(
            name=change.name,
            ordinal=change.ordinal,
            state=change.state,
            reference=change.reference if change.reference is not None else (before.reference if before else ""),
            sent_at=self._runtime.clock.now()
            if change.state is PartState.SENT
            else (before.sent_at if before else None),
            deadline_at=change.deadline_at or (before.deadline_at if before else None),
            sends=(before.sends if before else 0) + (1 if change.state is PartState.SENT else 0),
            look_ups=(before.look_ups if before else 0) + (1 if change.looked_up else 0),
            error=change.error,
        )


async def again_on_conflict(call: Callable[[], Awaitable[_Answer]], *, tries: int = 3) -> _Answer:
    """Make a call that reads what it changes: somebody else's change in between is read, never overwritten.

    Raises Conflict where each of `tries` met one.
    """
    for _ in range(tries - 1):
        try:
            return await call()
        except Conflict:
            continue
    return await call()


def named(error: MissingMasterData, what: str) -> MissingMasterData:
    """The same error, named after what we sent, so that a person need not guess which value IFS does not know."""
    return MissingMasterData(f"{what}: {error.message}", remedy=error.remedy, answer=error.answer)
