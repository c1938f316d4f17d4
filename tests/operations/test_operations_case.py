"""One order whole, from the store alone: ledger, plan, problems, steps; leaving it out; kept comparisons."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bcifs_console.accounting.explain import unexplained
from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.buyers import Known, Skipped, buyer_of
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import DocumentKind, DocumentState, PartState
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Condition, ConditionField, Rules
from bcifs_console.domain.states import left_out_key, order_subject
from bcifs_console.operations import decide, decide_rule, order_edits, order_skip, reconcile_kept
from bcifs_console.operations.case_steps import StepKind
from bcifs_console.operations.case_view import Case, case
from bcifs_console.operations.context import Context
from bcifs_console.operations.explain import explanation
from bcifs_console.operations.order_edits import NotAnswerable
from bcifs_console.operations.order_faults import NoSuchOrder, OrderBusy
from bcifs_console.operations.order_skip import NotLeftOut, OrderSent
from bcifs_console.operations.reconcile import reconciled_csv
from bcifs_console.store import customers, intake, ledger, queue, rules, views
from bcifs_console.store.database import Database
from bcifs_console.store.ledger import DocumentChange, NewDocument, PartChange
from bcifs_console.store.opening import Store
from bcifs_console.store.vault import Vault
from bcifs_console.store.views import order_case
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS
from tests.conftest import AddConnection
from tests.operations.reconciled_world import POLICY, Books, at
from tests.operations.stored_orders import SHAPES, keep, past_orders, shape_of

ORDERS = tuple(past_orders(len(SHAPES)))


@dataclass
class Kept:
    """An installation full of past orders."""

    context: Context
    connection_id: int

    def case(self, order_id: int) -> Case:
        found = self.context.store.database.read_sync(
            lambda conn: case(conn, connection_id=self.connection_id, order_id=order_id)
        )
        assert found is not None
        return found

    def link(self, order_id: int) -> object:
        key = left_out_key(order_id)
        return self.context.store.database.read_sync(lambda conn: customers.link_of(conn, self.connection_id, key))

    def state(self, order_id: int) -> str:
        return self.context.store.database.read_sync(
            lambda conn: views.orders_by_id(conn, self.connection_id, [order_id])
        )[0].state

    def write(self, run: Callable[[Any], Any]) -> Any:
        return self.context.store.database.write_sync(run)


@pytest.fixture
def make_kept(
    database: Database, clock: ManualClock, vault: Vault, tmp_path: Path, add_connection: AddConnection
) -> Any:
    def make(orders: tuple[Order, ...] = ORDERS, *, posted: bool = True, by: Rules = BOOK_RULES) -> Kept:
        connection_id = add_connection(database, policy=BOOKS)
        settings = load_settings(home=tmp_path)
        context = Context(settings, Store(tmp_path, database, vault), clock, "dana")

        def save(tx: Any) -> None:
            for purpose in {each.purpose for each in by.rules}:
                rules.replace(tx, connection_id, purpose, by.of(purpose), actor="test", reason="")

        database.write_sync(save)
        if orders:
            keep(database, connection_id, orders, by, BOOKS, posted=posted)
        return Kept(context, connection_id)

    return make


# -- the case ----------------------------------------------------------------------------------------------------------


def test_a_posted_order_has_nothing_planned_and_every_cent_explained(make_kept: Any) -> None:
    kept = make_kept()
    for order in ORDERS:
        found = kept.case(order.id)
        planned = {document.kind for document in found.planned}
        assert planned <= {DocumentKind.ORDER_UPDATE}, shape_of(order.id)  # `keep` applies no tracking
        assert found.documents[0].key == f"BC-{order.id}"
        assert all(document.draft and unexplained(document.draft) == {} for document in found.documents)
        assert found.read is not None
        assert found.read.total_inc_tax == order.total_inc_tax


def test_the_same_order_not_yet_posted_plans_the_same_documents(make_kept: Any) -> None:
    kept = make_kept(posted=False)
    for order in ORDERS:
        found = kept.case(order.id)
        assert {document.state for document in found.documents} == {"planned"}
        assert found.documents[0].kind is DocumentKind.CUSTOMER_ORDER
        vouchers = [document.voucher for document in found.vouchers]
        assert all(voucher is not None and voucher.debits == voucher.credits for voucher in vouchers)
    assert (
        kept.context.store.database.read_sync(
            lambda conn: ledger.of_subject(conn, kept.connection_id, order_subject(ORDERS[0].id))
        ).documents
        == ()
    )


def test_a_rule_that_is_missing_now_is_a_problem_found_now(make_kept: Any) -> None:
    kept = make_kept(posted=False)
    for purpose in {each.purpose for each in BOOK_RULES.rules if each.purpose.value == "revenue"}:
        kept.write(lambda tx, p=purpose: rules.replace(tx, kept.connection_id, p, (), actor="test", reason=""))
    problems = kept.case(ORDERS[0].id).problems
    assert problems
    assert all(problem.is_now and not problem.since_look for problem in problems)
    assert {problem.reason for problem in problems} == {"mapping"}


def test_a_snapshot_nobody_can_read_is_said_and_the_ledger_still_shown(make_kept: Any) -> None:
    kept = make_kept()
    order_id = ORDERS[0].id
    kept.write(lambda tx: queue.put_snapshot(tx, kept.connection_id, order_id, "{}", tx.now))
    found = kept.case(order_id)
    assert found.read is None
    assert found.read_at is not None
    assert found.documents[0].state == "confirmed"
    explained = explanation(kept.context, order_id, connection=None)
    assert (explained.amounts, explained.planned) == (found.amounts, frozenset())
    assert explained.unreadable == (f"What was read of order {order_id}",)
    with pytest.raises(NotAnswerable, match=f"read of order {order_id} can no longer be read"):
        order_edits.answer(kept.context, order_id, EditChoice.KEEP, connection=None)


async def test_a_snapshot_nobody_can_read_hides_no_buyer_and_no_other_order(
    make_kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, older, newer, *_ = ORDERS
    kept = make_kept((older, replace(newer, customer_id=older.customer_id)))
    buyer = buyer_of(older)
    asked = kept.write(lambda tx: customers.ask(tx, kept.connection_id, buyer, "who?", ()))
    kept.write(lambda tx: queue.put_snapshot(tx, kept.connection_id, newer.id, "{}", tx.now))
    assert decide.show(kept.context, asked).buyer == buyer  # as the older order shows him

    async def confirmed(_context: Context, _connection_id: int, customer_id: str) -> str:
        return customer_id

    monkeypatch.setattr(decide, "existing_customer", confirmed)
    wanted = decide_rule.Wanted("C100", (Condition(ConditionField.CURRENCY, ("USD",)),))
    made = await decide_rule.make(kept.context, kept.connection_id, wanted, "", dry_run=True)
    assert [covered.order_id for covered in made.covered] == [older.id]


def test_an_edit_of_the_store_is_named_with_its_figures(make_kept: Any) -> None:
    kept = make_kept()
    order = ORDERS[0]
    more = replace(order.lines[0], quantity=order.lines[0].quantity + 1)
    edited = replace(order, lines=(more, *order.lines[1:]))
    kept.write(lambda tx: queue.put_snapshot(tx, kept.connection_id, order.id, encode(edited), tx.now))
    found = kept.case(order.id)
    assert found.edit is not None
    assert "quantity" in " ".join(found.edit)
    assert found.edit_answer == ""
    assert kept.case(ORDERS[1].id).edit is None


def test_an_order_never_seen_is_none(make_kept: Any) -> None:
    kept = make_kept()
    read = kept.context.store.database.read_sync
    assert read(lambda conn: case(conn, connection_id=kept.connection_id, order_id=9)) is None


def test_steps_say_how_long_each_call_and_document_took(make_kept: Any) -> None:
    kept = make_kept(())
    clock = kept.context.clock
    kept.write(lambda tx: intake.mark_due(tx, kept.connection_id, [7], found_by="poll"))
    new = NewDocument(kept.connection_id, "order:7", "BC-7/PAY/1", DocumentKind.VOUCHER, "", Decimal(1), "USD", "{}")
    number = kept.write(lambda tx: ledger.intend(tx, new)).id

    def record(*parts: PartChange, change: DocumentChange | None = None) -> None:
        kept.write(lambda tx: ledger.record(tx, None, number, parts, change or DocumentChange()))

    record(PartChange("header", 1, PartState.SENT))
    clock.advance(2)
    record(PartChange("header", 1, PartState.CONFIRMED, "M-1"), PartChange("confirm", 2, PartState.SENT))
    clock.advance(1)
    done = DocumentChange(DocumentState.CONFIRMED, "M-1")
    record(PartChange("confirm", 2, PartState.CONFIRMED), change=done)
    steps = {step.what: step for step in kept.case(7).steps}
    assert steps["header → M-1"].took == timedelta(seconds=2)
    assert steps["confirm"].took == timedelta(seconds=1)
    assert steps["voucher PAY/1 → M-1"].took == timedelta(seconds=3)
    assert steps["first seen here by poll"].kind is StepKind.NOTE
    assert kept.case(7).unreadable == ("BC-7/PAY/1",)


def test_neighbours_are_those_of_the_list(make_kept: Any) -> None:
    kept = make_kept()
    kept.write(lambda tx: intake.mark_due(tx, kept.connection_id, [1, 2], found_by="webhook"))  # never read: newest
    read = kept.context.store.database.read_sync
    listed = [order.order_id for order in read(views.orders)]
    number = kept.connection_id
    older = [read(lambda conn, o=o: order_case.older_neighbour(conn, number, o)) for o in listed]
    newer = [read(lambda conn, o=o: order_case.newer_neighbour(conn, number, o)) for o in listed]
    assert [each and each.order_id for each in older] == [*listed[1:], None]
    assert [each and each.order_id for each in newer] == [None, *listed[:-1]]


# -- leaving out -------------------------------------------------------------------------------------------------------


def test_an_order_left_out_is_due_and_plans_nothing_until_it_is_taken_in_again(make_kept: Any) -> None:
    kept = make_kept(posted=False)
    order_id = ORDERS[0].id
    order_skip.skip(kept.context, kept.connection_id, order_id, "  a test order ")
    assert kept.link(order_id) == Skipped("a test order")
    assert kept.state(order_id) == "due"
    found = kept.case(order_id)
    assert (found.left_out, found.verdict, found.documents) == ("a test order", "skip", ())
    assert [(step.what, step.actor) for step in found.steps if step.kind is StepKind.OUTCOME] == [("left out", "dana")]
    order_skip.unskip(kept.context, kept.connection_id, order_id)
    assert kept.link(order_id) is None
    assert kept.case(order_id).planned != ()


def test_leaving_out_is_refused_without_a_note_for_strangers_and_for_what_is_sent(make_kept: Any) -> None:
    kept = make_kept()
    with pytest.raises(UsageProblem):
        order_skip.skip(kept.context, kept.connection_id, ORDERS[0].id, " ")
    with pytest.raises(NoSuchOrder):
        order_skip.skip(kept.context, kept.connection_id, 9, "why")
    with pytest.raises(OrderSent, match="C9"):
        order_skip.skip(kept.context, kept.connection_id, ORDERS[0].id, "why")
    with pytest.raises(NotLeftOut):
        order_skip.unskip(kept.context, kept.connection_id, ORDERS[0].id)
    assert kept.link(ORDERS[0].id) is None


def test_what_was_decided_about_a_guest_without_an_e_mail_outlasts_leaving_the_order_out(make_kept: Any) -> None:
    """His key is the order's own name: nobody would ask again who he is, the question being answered."""
    kept = make_kept(posted=False)
    order_id = ORDERS[0].id
    guest = order_subject(order_id)
    kept.write(lambda tx: customers.link(tx, kept.connection_id, guest, "C7", source="decision"))
    order_skip.skip(kept.context, kept.connection_id, order_id, "a test order")
    order_skip.unskip(kept.context, kept.connection_id, order_id)
    linked = kept.context.store.database.read_sync(lambda conn: customers.link_of(conn, kept.connection_id, guest))
    assert linked == Known("C7", "decision")
    kept.write(lambda tx: customers.link(tx, kept.connection_id, guest, "", source=customers.SKIP, note="decided"))
    with pytest.raises(NotLeftOut):
        order_skip.unskip(kept.context, kept.connection_id, order_id)


def test_an_order_that_is_being_looked_at_is_not_left_out(make_kept: Any) -> None:
    kept = make_kept(())
    kept.write(lambda tx: intake.mark_due(tx, kept.connection_id, [7], found_by="poll"))
    kept.write(lambda tx: queue.claim(tx, "w", limit=1, lease=timedelta(minutes=1)))
    with pytest.raises(OrderBusy):
        order_skip.skip(kept.context, kept.connection_id, 7, "why")


# -- kept comparisons --------------------------------------------------------------------------------------------------


async def test_a_kept_comparison_is_exported_as_it_was_when_it_was_made(
    sqlite_database: Database, clock: ManualClock, vault: Vault, tmp_path: Path, add_connection: AddConnection
) -> None:
    world = Books(sqlite_database, clock, add_connection(sqlite_database, policy=POLICY))
    world.place()
    world.pay(5001, 44, "27", at(10))
    world.sync(5001)
    world.ifs.vouchers.pop("BC-5001/PAY/44")
    made = await world.compare()
    context = Context(load_settings(home=tmp_path), Store(tmp_path, sqlite_database, vault), clock, "dana")
    first, last = made.rows[0].day, made.rows[-1].day
    wrote = reconcile_kept.export_csv(context, tmp_path / "b.csv", world.connection_id, first=first, last=last)
    assert (wrote.days, wrote.differences) == (1, 1)
    assert (tmp_path / "b.csv").read_bytes().decode() == reconciled_csv(made)
    assert reconcile_kept.kept(context, world.connection_id, first=first, last=last).is_red
