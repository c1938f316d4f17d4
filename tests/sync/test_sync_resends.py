"""Calls whose outcome stays unclear: looked up, sent again within bounds, then shown to a person."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import BusinessRule, OutcomeUnknown
from bcifs_console.store import intake, ledger, queue
from bcifs_console.store.database import Database, Tx
from bcifs_console.sync.calls import JournalledCalls, Step
from bcifs_console.sync.retry import OutcomeStillUnknown, Waiting
from bcifs_console.sync.runtime import Runtime, Timing
from tests.sync.conftest import MakeRuntime

TIMING = Timing(lease=timedelta(hours=2))
RESEND = TIMING.request_deadline + TIMING.resend_after


@dataclass
class Ifs:
    """A stand-in for IFS: counts what is sent, and shows what it was told to show."""

    sent: int = 0
    looked: int = 0
    answers: Exception | None = field(default_factory=lambda: OutcomeUnknown("HTTP 500 without an ORA number"))
    shows: str | None = None

    async def send(self) -> str:
        self.sent += 1
        if self.answers is not None:
            raise self.answers
        return "P1"

    async def look_up(self) -> str | None:
        self.looked += 1
        return self.shows

    @property
    def step(self) -> Step:
        return Step("header", self.send, self.look_up)


@pytest.fixture
def runtime(make_runtime: MakeRuntime) -> Runtime:
    return make_runtime(timing=TIMING)


@pytest.fixture
def claim(sqlite_database: Database, runtime: Runtime) -> Claim:
    def take(tx: Tx) -> Claim:
        intake.mark_due(tx, runtime.id, [5001], found_by="webhook")
        (held,) = queue.claim(tx, "tester", limit=1, lease=TIMING.lease)
        return held

    return sqlite_database.write_sync(take)


@pytest.fixture
def document_id(sqlite_database: Database, runtime: Runtime) -> int:
    new = ledger.NewDocument(
        runtime.id, "order:5001", "BC-5001", DocumentKind.CUSTOMER_ORDER, "hash", Decimal(1), "USD", "{}"
    )
    return sqlite_database.write_sync(lambda tx: ledger.intend(tx, new)).id


async def run(runtime: Runtime, claim: Claim, ifs: Ifs) -> str:
    """One look's try at the step, on what the ledger knows by now."""

    def read(conn: object) -> LedgerDocument:
        found = ledger.of_subject(conn, runtime.id, "order:5001").customer_order()  # type: ignore[arg-type]
        assert found is not None
        return found

    document = await runtime.database.read(read)
    return await JournalledCalls(runtime, claim, document).run(ifs.step)


async def test_a_call_that_is_never_answered_is_sent_five_times_and_then_shown(
    runtime: Runtime, claim: Claim, document_id: int, clock: ManualClock
) -> None:
    ifs = Ifs()
    for sends in (1, 2, 3, 4, 5):
        with pytest.raises(OutcomeStillUnknown):
            await run(runtime, claim, ifs)
        assert ifs.sent == sends
        clock.advance(RESEND.total_seconds())
    with pytest.raises(Waiting) as caught:
        await run(runtime, claim, ifs)
    assert ifs.sent == 5
    assert caught.value.reason is Reason.UNKNOWN_OUTCOME
    assert "sent 5 times" in caught.value.message
    assert "HTTP 500" in caught.value.message


async def test_ten_minutes_later_a_look_may_send_once_more(
    runtime: Runtime, claim: Claim, document_id: int, clock: ManualClock
) -> None:
    ifs = Ifs()
    for _ in range(5):
        with pytest.raises(OutcomeStillUnknown):
            await run(runtime, claim, ifs)
        clock.advance(RESEND.total_seconds())
    clock.advance(599)
    with pytest.raises(Waiting):
        await run(runtime, claim, ifs)
    clock.advance(1)
    ifs.answers = None
    assert await run(runtime, claim, ifs) == "P1"
    assert ifs.sent == 6


async def test_what_a_look_up_finds_is_never_sent_again(
    runtime: Runtime, claim: Claim, document_id: int, clock: ManualClock
) -> None:
    ifs = Ifs()
    with pytest.raises(OutcomeStillUnknown):
        await run(runtime, claim, ifs)
    ifs.shows = "P7"
    clock.advance(RESEND.total_seconds())
    assert await run(runtime, claim, ifs) == "P7"
    assert ifs.sent == 1


async def test_a_refused_call_is_looked_up_before_it_is_sent_again(
    runtime: Runtime, claim: Claim, document_id: int, clock: ManualClock
) -> None:
    """A refusal may have been read wrongly: some errors come after the commit."""
    ifs = Ifs(answers=BusinessRule("refused"))
    with pytest.raises(BusinessRule):
        await run(runtime, claim, ifs)
    ifs.shows = "P7"
    assert await run(runtime, claim, ifs) == "P7"
    assert ifs.sent == 1


async def test_a_call_that_could_not_even_be_made_counts_as_not_sent(
    runtime: Runtime, claim: Claim, document_id: int
) -> None:
    """A name that lacks in the profile, say: when it is there, the call is made, and nobody is asked to look in IFS."""
    ifs = Ifs(answers=ConfigurationProblem("The IFS profile names no action."))
    for _ in range(4):
        with pytest.raises(ConfigurationProblem):
            await run(runtime, claim, ifs)
    ifs.answers = None
    assert await run(runtime, claim, ifs) == "P1"
