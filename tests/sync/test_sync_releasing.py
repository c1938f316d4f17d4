"""Who waited for a rule that was saved, who goes first, and how the first one fared."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Unknown
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import Ledger
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.store import health, mapping_releases, queue, rules
from bcifs_console.store.database import Tx
from bcifs_console.store.mapping_releases import MappingRelease, Standing
from bcifs_console.store.past import KeptOrder
from bcifs_console.store.tables import store_order
from bcifs_console.sync.releasing import Fate, affected, fate, release_step
from bcifs_console.sync.runtime import Runtime
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, hours, lived, shipment, tender, without
from tests.accounting.building import KNOWN, PLACED, POLICY, official, rule
from tests.sync.conftest import MakeRuntime

REVENUE = rule(Purpose.REVENUE, "4000")


def an_order(order_id: int = 5001, **more: object) -> Order:
    paid, sent = tender(44, "69.84"), shipment(61, 2, line_1=4)
    return replace(lived(official(), tenders=(paid,), shipments=(sent,)), id=order_id, **more)  # type: ignore[arg-type]


def waiting(of: Order, before: Rules, *more: Blocker, unknown_buyer: bool = False) -> tuple[Standing, KeptOrder]:
    """The order as a look under `before` leaves it."""
    found = plan(of, Unknown() if unknown_buyer else KNOWN, before, BOOKS, Ledger(), seen_at=hours(9))
    problems = (*found.blockers, *found.conflicts, *found.pending, *more)
    standing = Standing(of.id, OrderState.WAITING, tuple((b.reason.value, b.subject) for b in problems), "why")
    return standing, KeptOrder(of.id, of.placed_at, hours(9), encode(of), "C100", is_named=False)


def who(before: Rules, after: Rules, *orders: tuple[Standing, KeptOrder]) -> list[int]:
    found = affected([s for s, _ in orders], [k for _, k in orders], before, after, BOOKS)
    return [each.order_id for each in sorted(found, key=lambda each: each.rank)]


# -- who waited ------------------------------------------------------------------------------------------------------


def test_an_order_is_let_go_for_the_rule_it_waited_for_and_for_no_other() -> None:
    before = without(Purpose.REVENUE, Purpose.SHIPPING_INCOME)
    order = waiting(an_order(), before)
    assert who(before, Rules((*before.rules, REVENUE)), order) == [5001]
    assert who(before, Rules((*before.rules, rule(Purpose.PAY_TERM, "30"))), order) == []
    assert who(before, Rules((*before.rules, rule(Purpose.REVENUE, "4000", 1, sku="another"))), order) == []


def test_an_account_of_a_voucher_lets_go_who_waits_for_it_and_not_who_waits_for_the_order_before_it() -> None:
    shipping = rule(Purpose.SHIPPING_INCOME, "4100")
    neither, only_shipping = without(Purpose.REVENUE, Purpose.SHIPPING_INCOME), without(Purpose.SHIPPING_INCOME)
    held_back, on_its_way = waiting(an_order(5001), neither), waiting(an_order(5002), only_shipping)
    assert who(neither, Rules((*neither.rules, shipping)), held_back) == []
    assert who(only_shipping, BOOK_RULES, on_its_way) == [5002]


def test_rules_that_only_move_what_was_covered_let_nobody_go() -> None:
    before = without(Purpose.SHIPPING_INCOME)
    moved = Rules((rule(Purpose.REVENUE, "4010", 0), *before.rules))
    assert who(before, moved, waiting(an_order(), before)) == []


def test_a_sales_part_that_ifs_does_not_have_is_waited_for_until_the_line_leads_elsewhere() -> None:
    refused = Blocker(Reason.MAPPING, "IFS has no sales part SKU-1", "map it", "sales_part SKU-1")
    order = waiting(an_order(), BOOK_RULES, refused)
    elsewhere = Rules((rule(Purpose.SALES_PART, "OTHER", 0, sku="sku-1"), *BOOK_RULES.rules))
    assert who(BOOK_RULES, elsewhere, order) == [5001]
    another = Rules((rule(Purpose.REVENUE, "4010", 0), *BOOK_RULES.rules))
    assert who(BOOK_RULES, another, order) == []
    assert who(BOOK_RULES, without(Purpose.REVENUE), order) == []


def test_what_ifs_refused_of_a_document_is_tried_again_when_the_document_changes() -> None:
    refused = Blocker(Reason.MAPPING, "The account does not exist", "create it", "Account.FND_RECORD_NOT_EXIST")
    order = waiting(an_order(), BOOK_RULES, refused)
    assert who(BOOK_RULES, Rules((rule(Purpose.CLEARING, "1585", 0), *BOOK_RULES.rules)), order) == [5001]
    unrelated = Rules((rule(Purpose.STORE_CREDIT_LIABILITY, "2499", 0), *BOOK_RULES.rules))
    assert who(BOOK_RULES, unrelated, order) == []


def test_a_rule_that_names_the_buyers_customer_lets_that_buyers_orders_go() -> None:
    order = waiting(an_order(customer_id=0), BOOK_RULES, unknown_buyer=True)
    guests = Rules((rule(Purpose.CUSTOMER, "WEBSHOP", 1, guest="true"), *BOOK_RULES.rules))
    registered = Rules((rule(Purpose.CUSTOMER, "WEBSHOP", 1, guest="false"), *BOOK_RULES.rules))
    assert who(BOOK_RULES, guests, order) == [5001]
    assert who(BOOK_RULES, registered, order) == []
    assert who(guests, guests, order) == []


def test_the_best_canary_goes_all_the_way_and_is_the_oldest_of_those() -> None:
    before = without(Purpose.REVENUE)
    elsewhere = Blocker(Reason.CUSTOMER, "who is it", "say", "customer:1")
    half_paid = an_order(5003, charges=(replace(official().charges[0], inc_tax=official().charges[0].inc_tax),))
    orders = (
        waiting(an_order(5002), before, elsewhere),
        waiting(half_paid, before),
        waiting(an_order(5004), before),
    )
    assert who(before, BOOK_RULES, *orders) == [5003, 5004, 5002]


def test_an_order_whose_snapshot_cannot_be_read_any_more_is_left_alone() -> None:
    before = without(Purpose.REVENUE)
    standing, kept = waiting(an_order(), before)
    broken = KeptOrder(kept.order_id, PLACED, PLACED, "{", "", is_named=False)
    assert affected([standing], [broken], before, BOOK_RULES, BOOKS) == []


# -- how the first one fared -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "problems", "foreseen", "expected"),
    [
        (OrderState.DUE, (), (), Fate.UNDER_WAY),
        (OrderState.WORKING, (), (), Fate.UNDER_WAY),
        (OrderState.SYNCED, (), (), Fate.THROUGH),
        (OrderState.SKIPPED, (), (), Fate.ELSEWHERE),
        (OrderState.IGNORED, (), (), Fate.ELSEWHERE),
        (OrderState.FAILED, (), (), Fate.STUCK),
        (OrderState.WAITING, (("mapping", "SKU X"),), (), Fate.STUCK),
        (OrderState.WAITING, (("mapping", "SKU X"),), ("SKU X",), Fate.THROUGH),
        (OrderState.WAITING, (("mapping", "SKU X"), ("mapping", "SKU Y")), ("SKU X",), Fate.STUCK),
        (OrderState.WAITING, (("totals", "goods"),), (), Fate.STUCK),
        (OrderState.WAITING, (("conflict", "V-1"),), (), Fate.STUCK),
        (OrderState.WAITING, (("unknown_outcome", ""),), (), Fate.STUCK),
        (OrderState.WAITING, (("period", "2026-11"),), (), Fate.THROUGH),
        (OrderState.WAITING, (("customer", "customer:1"),), (), Fate.ELSEWHERE),
        (OrderState.WAITING, (("customer", "customer:1"), ("period", "2026-11")), (), Fate.ELSEWHERE),
    ],
)
def test_how_a_canary_fares(
    state: OrderState, problems: tuple[tuple[str, str], ...], foreseen: tuple[str, ...], expected: Fate
) -> None:
    assert fate(Standing(5, state, problems, ""), frozenset(foreseen)) is expected


# -- a step at a time ------------------------------------------------------------------------------------------------


@pytest.fixture
def runtime(make_runtime: MakeRuntime) -> Runtime:
    """A connection of which three orders wait for a revenue account, and which has just been told one."""
    made = make_runtime()
    made.connection = replace(made.connection, policy=POLICY)
    for number in (5001, 5002, 5003):
        _wait(made, an_order(number))
    _import(made, REVENUE)
    return made


def _wait(runtime: Runtime, of: Order, *, reason: Reason = Reason.MAPPING, subject: str = "SKU sku-1") -> None:
    problems = queue.problems_json([Blocker(reason, "no rule", "write one", subject)])

    def write(tx: Tx) -> None:
        values = {"state": "waiting", "problems": problems, "error": "no rule"}
        row = {"connection_id": runtime.id, "order_id": of.id, "placed_at": of.placed_at, "first_seen_at": tx.now}
        tx.conn.execute(store_order.insert().values(**row, **values))
        queue.put_snapshot(tx, runtime.id, of.id, encode(of), tx.now)

    runtime.database.write_sync(write)


def _import(runtime: Runtime, *new: object) -> None:
    """Save rules; the worker takes them over."""
    wanted = Rules((*new, rule(Purpose.CHARGE_TYPE, "X"), rule(Purpose.TAX, "default")))  # type: ignore[arg-type]

    def write(tx: Tx) -> None:
        expected = rules.in_force(tx.conn, runtime.id)
        rules.save(tx, runtime.id, wanted, expected=expected, actor="ann", reason="why")

    runtime.database.write_sync(write)
    runtime.rules = runtime.database.read_sync(lambda conn: rules.in_force(conn, runtime.id))


def release_of(runtime: Runtime) -> MappingRelease | None:
    return runtime.database.read_sync(lambda conn: mapping_releases.find(conn, runtime.id))


def states(runtime: Runtime) -> list[str]:
    query = store_order.select().order_by(store_order.c.order_id)
    return [row.state for row in runtime.database.read_sync(lambda conn: conn.execute(query).all())]


def end(runtime: Runtime, order_id: int, state: OrderState, subject: str = "", reason: str = "mapping") -> None:
    """The order's look ends so."""
    problems = f'[{{"reason": "{reason}", "subject": "{subject}"}}]' if subject else "[]"
    change = store_order.update().where(store_order.c.order_id == order_id)
    runtime.database.write_sync(
        lambda tx: tx.conn.execute(change.values(state=state.value, problems=problems, error=f"about {subject}"))
    )


async def test_one_goes_first_the_rest_follows_when_it_got_through(runtime: Runtime) -> None:
    await release_step(runtime)
    assert states(runtime) == ["due", "waiting", "waiting"]
    await release_step(runtime)
    assert states(runtime) == ["due", "waiting", "waiting"]
    end(runtime, 5001, OrderState.SYNCED)
    await release_step(runtime)
    assert states(runtime) == ["synced", "due", "due"]
    assert release_of(runtime) is None


async def test_where_the_first_does_not_get_through_the_rest_waits_on_and_it_is_said_why(runtime: Runtime) -> None:
    await release_step(runtime)
    end(runtime, 5001, OrderState.WAITING, "account 4000")
    for _ in range(3):
        await release_step(runtime)
    assert states(runtime) == ["waiting"] * 3
    release = release_of(runtime)
    assert release is not None
    assert (release.state, release.orders) == ("stopped", (5002, 5003))
    assert release.note == "Order 5001 did not get through with the new rules: about account 4000"


async def test_a_first_one_that_gets_through_after_all_lets_the_rest_go(runtime: Runtime) -> None:
    await release_step(runtime)
    end(runtime, 5001, OrderState.FAILED)
    await release_step(runtime)
    end(runtime, 5001, OrderState.DUE)
    await release_step(runtime)
    assert states(runtime) == ["due", "waiting", "waiting"]
    end(runtime, 5001, OrderState.SYNCED)
    await release_step(runtime)
    assert states(runtime) == ["synced", "due", "due"]
    assert release_of(runtime) is None


async def test_a_first_one_that_a_person_leaves_out_tells_nothing_so_the_next_goes(runtime: Runtime) -> None:
    await release_step(runtime)
    end(runtime, 5001, OrderState.FAILED)
    await release_step(runtime)
    end(runtime, 5001, OrderState.SKIPPED)
    await release_step(runtime)
    assert states(runtime) == ["skipped", "due", "waiting"]


async def test_a_better_rule_begins_anew_with_all_that_still_wait(runtime: Runtime) -> None:
    await release_step(runtime)
    end(runtime, 5001, OrderState.WAITING, "Account.FND_RECORD_NOT_EXIST")
    await release_step(runtime)
    _import(runtime, rule(Purpose.REVENUE, "4010"))
    await release_step(runtime)
    release = release_of(runtime)
    assert release is not None
    assert (release.canary, release.orders) == (5001, (5002, 5003))


async def test_a_canary_that_waits_for_its_buyer_tells_nothing_so_the_next_goes(runtime: Runtime) -> None:
    await release_step(runtime)
    end(runtime, 5001, OrderState.WAITING, "customer:17", "customer")
    await release_step(runtime)
    assert states(runtime) == ["waiting", "due", "waiting"]
    end(runtime, 5002, OrderState.SYNCED)
    await release_step(runtime)
    assert states(runtime) == ["waiting", "synced", "due"]


async def test_nothing_goes_before_this_worker_has_the_new_rules(runtime: Runtime) -> None:
    runtime.rules = Rules()
    await release_step(runtime)
    assert states(runtime) == ["waiting"] * 3


async def test_where_several_workers_live_they_are_given_time_to_take_the_rules_over(runtime: Runtime) -> None:
    for owner in ("one", "two"):
        runtime.database.write_sync(partial(health.beat, owner=owner, role="worker", detail={}))
    await release_step(runtime)
    assert states(runtime) == ["waiting"] * 3
    runtime.clock.advance(timedelta(seconds=3).total_seconds())  # type: ignore[attr-defined]
    await release_step(runtime)
    assert states(runtime) == ["due", "waiting", "waiting"]


async def test_a_rule_nobody_waited_for_lets_nobody_go(runtime: Runtime) -> None:
    for number in (5001, 5002, 5003):
        end(runtime, number, OrderState.WAITING, "2026-11", "period")
    await release_step(runtime)
    assert states(runtime) == ["waiting"] * 3
    assert release_of(runtime) is None


async def test_a_connection_without_a_release_is_left_alone(make_runtime: MakeRuntime) -> None:
    idle = make_runtime(name="acme-eu")
    await release_step(idle)
    assert states(idle) == []
