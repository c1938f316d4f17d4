"""In which order a buyer's customer is sought: own links, customer rules, look-up, policy (DESIGN §7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from bcifs_console.base.problems import ProblemKind
from bcifs_console.domain.buyers import Buyer, Known, Skipped, Unknown
from bcifs_console.domain.orders import Address
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules, Unmatched
from bcifs_console.domain.states import Claim
from bcifs_console.ifs.profile import Profile, load_profile
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.store import customers, intake, queue
from bcifs_console.store.customers import Decision
from bcifs_console.sync.matching import TO_BE_CREATED, Match, Matching
from bcifs_console.sync.retry import CustomerIdTaken
from bcifs_console.sync.runtime import Runtime
from tests.sync.conftest import MakeRuntime, with_policy

ANN: Final = Buyer("customer:17", "ann@example.com", "Ann Lee", "", is_guest=False, address=Address(), channel_id=2)
GUEST: Final = replace(ANN, key="email:ann@example.com", is_guest=True)
ONE: Final = (CustomerMatch("C1", "Ann Lee"),)
TWO: Final = (*ONE, CustomerMatch("C2", "Ann Lee Ltd"))
CHANNEL_2: Final = MappingRule(Purpose.CUSTOMER, 1, "RULED", (Condition(ConditionField.CHANNEL, ("2",)),))


@dataclass
class FakeIfs:
    """Knows who has Ann's e-mail; everything else is a call that matching must not make."""

    answer: Sequence[CustomerMatch] = ()
    asked: int = 0
    profile: Profile = field(default_factory=lambda: load_profile("default"))
    ids_asked: list[str] = field(default_factory=list)

    async def customers_by_email(self, _email: str) -> list[CustomerMatch]:
        self.asked += 1
        return list(self.answer)

    async def customer(self, customer_id: str) -> str:
        """It has a customer of every id."""
        self.ids_asked.append(customer_id)
        return customer_id


def claim(runtime: Runtime) -> Claim:
    runtime.database.write_sync(lambda tx: intake.mark_due(tx, runtime.id, [5001], found_by="test"))
    (held,) = runtime.database.write_sync(lambda tx: queue.claim(tx, "w", limit=1, lease=runtime.timing.lease))
    return held


async def resolve(runtime: Runtime, buyer: Buyer = ANN, held: Claim | None = None) -> Match:
    return await Matching(runtime).resolve(buyer, held)


def link(runtime: Runtime, source: str, customer_id: str = "LINKED", buyer: Buyer = ANN) -> None:
    runtime.database.write_sync(lambda tx: customers.link(tx, runtime.id, buyer.key, customer_id, source=source))


def link_of(runtime: Runtime, buyer: Buyer = ANN) -> Known | Skipped | None:
    return runtime.database.read_sync(lambda conn: customers.link_of(conn, runtime.id, buyer.key))


def ask(runtime: Runtime, buyer: Buyer = ANN) -> None:
    runtime.database.write_sync(lambda tx: customers.ask(tx, runtime.id, buyer, "who?", ()))


def decision(runtime: Runtime, buyer: Buyer = ANN) -> Decision:
    found = runtime.database.read_sync(lambda conn: customers.decision_of_buyer(conn, runtime.id, buyer.key))
    assert found is not None
    return found


@pytest.fixture
def ifs() -> FakeIfs:
    return FakeIfs()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, ifs: FakeIfs) -> Runtime:
    return make_runtime(ifs=ifs)


@pytest.mark.parametrize("source", ["decision", "created"])
async def test_what_was_decided_beats_a_rule_and_asks_nobody(runtime: Runtime, ifs: FakeIfs, source: str) -> None:
    runtime.rules = Rules((CHANNEL_2,))
    link(runtime, source)
    assert (await resolve(runtime)).customer == Known("LINKED", source)
    assert ifs.asked == 0


async def test_a_skip_beats_a_rule(runtime: Runtime) -> None:
    runtime.rules = Rules((CHANNEL_2,))
    link(runtime, "skip", "")
    assert isinstance((await resolve(runtime)).customer, Skipped)


async def test_a_rule_beats_what_was_looked_up_before(runtime: Runtime, ifs: FakeIfs) -> None:
    link(runtime, "lookup")
    assert (await resolve(runtime)).customer == Known("LINKED", "lookup")
    runtime.rules = Rules((CHANNEL_2,))
    assert (await resolve(runtime)).customer == Known("RULED", "rule customer#1 v1")
    assert (await resolve(runtime, replace(ANN, channel_id=1))).customer == Known("LINKED", "lookup")
    assert ifs.asked == 0


async def test_blanks_around_the_result_of_a_rule_are_no_part_of_the_customer(runtime: Runtime) -> None:
    runtime.rules = Rules((MappingRule(Purpose.CUSTOMER, 1, " C100 "),))
    assert (await resolve(runtime)).customer == Known("C100", "rule customer#1 v1")


async def test_a_rule_answers_a_question_that_is_open(runtime: Runtime) -> None:
    ask(runtime)
    runtime.rules = Rules((CHANNEL_2,))
    await resolve(runtime)
    assert decision(runtime).action == ""  # a preview writes nothing
    await resolve(runtime, held=claim(runtime))
    assert (decision(runtime).action, decision(runtime).customer_id) == ("rule", "RULED")


async def test_a_guest_goes_to_the_customer_of_all_guests_before_any_look_up(runtime: Runtime, ifs: FakeIfs) -> None:
    with_policy(runtime, guest_customer="WEBSHOP")
    ifs.answer = ONE
    assert (await resolve(runtime, GUEST)).customer == Known("WEBSHOP", "guest")
    assert (await resolve(runtime)).customer == Known("C1", "lookup")


async def test_the_one_customer_found_is_linked_and_answers_the_question(runtime: Runtime, ifs: FakeIfs) -> None:
    ifs.answer = ONE
    ask(runtime)
    assert (await resolve(runtime)).customer == Known("C1", "lookup")
    assert link_of(runtime) is None  # a preview writes nothing
    assert (await resolve(runtime, held=claim(runtime))).customer == Known("C1", "lookup")
    assert link_of(runtime) == Known("C1", "lookup")
    assert (decision(runtime).action, decision(runtime).actor) == ("link", customers.SERVICE)


@pytest.mark.parametrize("unmatched", [*Unmatched])
async def test_several_are_a_question_whatever_the_policy_says(
    runtime: Runtime, ifs: FakeIfs, unmatched: Unmatched
) -> None:
    with_policy(runtime, unmatched=unmatched, fixed_customer="FIXED")
    ifs.answer = TWO
    found = await resolve(runtime, held=claim(runtime))
    assert found == Match(Unknown(("C1", "C2")), (("C1", "Ann Lee"), ("C2", "Ann Lee Ltd")))
    assert link_of(runtime) is None


@pytest.mark.parametrize(
    ("unmatched", "customer"),
    [
        (Unmatched.ASK, Unknown()),
        (Unmatched.FIXED, Known("FIXED", "fixed")),
        (Unmatched.SKIP, Skipped("policy: unmatched buyers are skipped")),
        (Unmatched.CREATE, Known(TO_BE_CREATED, "create")),
    ],
)
async def test_nobody_found_is_the_policys_business(runtime: Runtime, unmatched: Unmatched, customer: object) -> None:
    with_policy(runtime, unmatched=unmatched, fixed_customer="FIXED")
    assert (await resolve(runtime)).customer == customer


async def test_a_buyer_without_an_email_is_not_created_by_policy(runtime: Runtime) -> None:
    with_policy(runtime, unmatched=Unmatched.CREATE)
    stranger = replace(ANN, key="order:5001", email="")
    assert (await resolve(runtime, stranger)).customer == Unknown()


async def test_where_ifs_has_every_id_of_our_sequence_the_pattern_is_to_be_changed(
    runtime: Runtime, ifs: FakeIfs
) -> None:
    """Which takes a person: it must not come back every few seconds for ever."""
    with pytest.raises(CustomerIdTaken, match="BC100 by now") as raised:
        await resolve(with_policy(runtime, unmatched=Unmatched.CREATE), held=claim(runtime))
    assert len(ifs.ids_asked) == 100
    assert "customer_id_pattern" in (raised.value.remedy or "")
    assert raised.value.kind is ProblemKind.TRANSIENT
