"""Stored orders under proposed rules: what is said of each is what a real run would have come to, in any process."""

import io
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from bcifs_console.accounting.replay import Effect
from bcifs_console.base.clock import ManualClock
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.codec import decode_customer_order
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Purpose, Rules
from bcifs_console.operations import time_machine
from bcifs_console.operations.context import Context
from bcifs_console.operations.time_machine import Tried, try_rules
from bcifs_console.store import rules
from bcifs_console.store.database import Database
from bcifs_console.store.opening import Store
from bcifs_console.store.tables import document, order_snapshot, store_order
from bcifs_console.store.vault import Vault
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, BookLedger, looked_at
from tests.accounting.building import PLACED, rule
from tests.conftest import AddConnection
from tests.operations.stored_orders import SHAPES, keep, past_orders

EVER = datetime(2020, 1, 1, tzinfo=UTC)
ORDERS = tuple(past_orders(3 * len(SHAPES)))
#: Everything that may happen to an order: another account, another place, a rule that is gone, one that is new.
MOVED = Rules((rule(Purpose.REVENUE, "4010", 0, sku="SKU-0*"), rule(Purpose.CLEARING, "1585", 0, gateway="paypal*")))
THEN = Rules((*MOVED.rules, *BOOK_RULES.rules))
WITHOUT_RETURNS = Rules(tuple(each for each in BOOK_RULES.rules if each.purpose is not Purpose.RETURNS))


@pytest.fixture
def context(tmp_path: Path, sqlite_database: Database, vault: Vault, clock: ManualClock) -> Context:
    return Context(load_settings(home=tmp_path), Store(tmp_path, sqlite_database, vault), clock, "tester")


Fill = Callable[[Rules], int]


@pytest.fixture
def fill(context: Context, add_connection: AddConnection) -> Fill:
    """Put the orders into the store as these rules left them: two in three posted, the rest only read."""

    def filled(in_force: Rules) -> int:
        database = context.store.database
        added = add_connection(database, policy=replace(BOOKS, order_reference="BC-{order_id}"))
        database.write_sync(
            lambda tx: rules.save(tx, added, in_force, expected=Rules(), actor="ann", reason="first rules")
        )
        cut = 2 * len(SHAPES)
        keep(database, added, ORDERS[:cut], in_force, BOOKS)
        keep(database, added, ORDERS[cut:], in_force, BOOKS, posted=False)
        return added

    return filled


def booked(of: Order, under: Rules) -> tuple[dict[str, Decimal], list[str], bool]:
    """The order brought into empty books for real: what each account holds, which accounts the lines of the IFS order
    bear, and whether anything waits for a rule."""
    books = BookLedger()
    for _ in range(3):
        answer = looked_at(of, books, rules=under, seen_at=of.modified_at)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for voucher in books.vouchers:
        for row in voucher.rows:
            sums[row.account] += row.amount
    drafts = [decode_customer_order(d.draft) for d in books.ledger.documents if d.kind is DocumentKind.CUSTOMER_ORDER]
    lines = [line.account for draft in drafts for line in draft.lines]
    return sums, lines, any(b.reason == "mapping" for b in (*answer.blockers, *answer.pending))


def really(before: Rules, after: Rules) -> tuple[dict[int, Effect], dict[int, dict[str, Decimal]]]:
    """What two real runs over all orders say: the effect on each, and what moved between accounts."""
    effects, moves = {}, {}
    for of in ORDERS:
        (old, old_lines, was_blocked), (new, new_lines, is_blocked) = booked(of, before), booked(of, after)
        moved = {name: new[name] - old[name] for name in {*old, *new} if new[name] != old[name]}
        if was_blocked != is_blocked:
            effects[of.id] = Effect.NEWLY_BLOCKED if is_blocked else Effect.NEWLY_FREE
        else:
            effects[of.id] = Effect.DIFFERENT if moved or old_lines != new_lines else Effect.SAME
        moves[of.id] = moved
    return effects, moves


def told(tried: Tried) -> tuple[dict[int, Effect], dict[int, dict[str, Decimal]]]:
    effects = {of.id: Effect.SAME for of in ORDERS} | {found.order_id: found.effect for found in tried.changed}
    moves: dict[int, dict[str, Decimal]] = {of.id: {} for of in ORDERS}
    for found in tried.changed:
        moves[found.order_id] = {change.account: change.amount for change in found.accounts}
    return effects, moves


@pytest.mark.parametrize(
    ("before", "after"),
    [(BOOK_RULES, THEN), (THEN, BOOK_RULES), (BOOK_RULES, WITHOUT_RETURNS), (WITHOUT_RETURNS, BOOK_RULES)],
)
def test_effects_and_amounts_are_those_of_two_real_runs(
    context: Context, fill: Fill, before: Rules, after: Rules
) -> None:
    fill(before)
    tried = try_rules(context, None, after, since=EVER)
    assert told(tried) == really(before, after)
    assert tried.orders == len(ORDERS)
    assert tried.effects == Counter(really(before, after)[0].values())
    assert tried.effects[Effect.SAME] < len(ORDERS)


def test_sums_by_account_are_those_of_the_orders_and_balance(context: Context, fill: Fill) -> None:
    fill(BOOK_RULES)
    tried = try_rules(context, None, THEN, since=EVER)
    sums = {each.account: each.amount for each in tried.accounts}
    assert set(sums) == {"4000", "4010", "1920", "1585"}
    assert sums["4000"] == -sums["4010"]
    assert sums["1920"] == -sums["1585"]
    assert [found.order_id for found in tried.changed] == sorted(found.order_id for found in tried.changed)


def test_several_processes_say_what_one_says(context: Context, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(BOOK_RULES)
    alone = try_rules(context, None, THEN, since=EVER)
    monkeypatch.setattr(time_machine, "_PAGE", 5)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    shared = try_rules(context, None, THEN, since=EVER)
    assert (shared.effects, shared.changed, shared.accounts) == (alone.effects, alone.changed, alone.accounts)


class NoTerminal(io.StringIO):
    """What stands in place of stderr under the console."""

    def fileno(self) -> int:
        return -1


def test_processes_can_be_started_where_stderr_has_no_number(
    context: Context, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(BOOK_RULES)
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined] # as in a process that has not started any
    monkeypatch.setattr(time_machine, "_PAGE", 5)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("sys.stderr", NoTerminal())
    assert try_rules(context, None, THEN, since=EVER).orders == len(ORDERS)


def test_only_orders_placed_since_then_are_replayed(context: Context, fill: Fill) -> None:
    fill(BOOK_RULES)
    tried = try_rules(context, None, THEN, since=PLACED + timedelta(minutes=20))
    assert tried.orders == len(ORDERS) - 20


def test_nothing_is_changed_and_an_unreadable_order_is_named(context: Context, fill: Fill) -> None:
    fill(BOOK_RULES)
    spoil = order_snapshot.update().where(order_snapshot.c.order_id == ORDERS[3].id).values(snapshot="{")
    context.store.database.write_sync(lambda tx: tx.conn.execute(spoil))

    def everything() -> list[object]:
        return context.store.database.read_sync(
            lambda conn: [conn.execute(table.select()).all() for table in (store_order, order_snapshot, document)]
        )

    before = everything()
    tried = try_rules(context, None, THEN, since=EVER)
    assert (tried.unreadable, tried.orders) == ([ORDERS[3].id], len(ORDERS) - 1)
    assert everything() == before
