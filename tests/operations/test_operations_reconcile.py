"""Reconciling: what was put out of joint is found, in its place, and with the reason that is known for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bcifs_console.bigcommerce.errors import BadAnswer, PermissionMissing, RateLimited, Unavailable
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.marks import ACCEPTED
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import RevenuePosting, VoucherTransport
from bcifs_console.domain.states import OrderState
from bcifs_console.domain.updates import OrderUpdateDraft, UpdateKind
from bcifs_console.operations.reconcile import Reconciled
from bcifs_console.operations.reconcile_ifs import Company, cancelled_keys
from bcifs_console.operations.reconciling import Difference, Verdict, What
from bcifs_console.store import books as batches
from bcifs_console.store import ledger, marks, reconciliation
from bcifs_console.store.ledger import NewDocument
from tests.operations.reconciled_world import BOOKING, DAY, LAST, POLICY, Books, at, failing, two_units, voucher_row

if TYPE_CHECKING:
    from bcifs_console.base.clock import ManualClock
    from bcifs_console.store.database import Database
    from tests.conftest import AddConnection

TOMORROW = DAY + timedelta(days=1)


@pytest.fixture
def books(sqlite_database: "Database", clock: "ManualClock", add_connection: "AddConnection") -> Books:
    return Books(sqlite_database, clock, add_connection(sqlite_database, policy=POLICY))


@pytest.fixture
def sold(books: Books) -> Books:
    """One order: paid and half shipped on the first day, the other half refunded on the second; all of it booked."""
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    books.ship(5001, 61, 1, at(14))
    books.sync(5001)
    books.refund(5001, 9, 1, "11.00", "1.00", at(10, TOMORROW))
    books.sync(5001)
    return books


def differences(found: Reconciled) -> list[Difference]:
    return [difference for row in found.rows for difference in row.differences]


def grid(found: Reconciled) -> list[tuple[int, str, int, str, int, str, str]]:
    return [
        (r.day.day, r.kind.value, r.store_count, f"{r.store_sum:.2f}", r.ifs_count, f"{r.ifs_sum:.2f}", r.verdict.value)
        for r in found.rows
    ]


GREEN = [
    (1, "orders", 1, "27.00", 1, "27.00", "green"),
    (1, "payments", 1, "27.00", 1, "27.00", "green"),
    (1, "shipments", 1, "16.00", 1, "16.00", "green"),
    (2, "refunds", 1, "11.00", 1, "11.00", "green"),
]


async def test_books_that_agree_are_green_kind_by_kind(sold: Books) -> None:
    found = await sold.compare()
    assert grid(found) == GREEN
    assert not found.is_red
    assert found.unread == ()


async def test_only_the_days_asked_for_are_compared(sold: Books) -> None:
    assert grid(await sold.compare(TOMORROW, LAST)) == GREEN[3:]
    assert grid(await sold.compare(DAY, DAY)) == GREEN[:3]
    assert (await sold.compare(date(2026, 11, 20), date(2026, 11, 25))).rows == ()


async def test_a_day_is_the_shops_not_greenwichs(books: Books) -> None:
    late = datetime(2026, 12, 2, 5, 59, tzinfo=UTC)  # a minute to midnight in Chicago
    books.place(two_units(placed=late))
    books.pay(5001, 44, "27.00", late)
    books.sync(5001)
    assert {row.day for row in (await books.compare()).rows} == {DAY}


# -- what was put out of joint in IFS ----------------------------------------------------------------------------------


async def test_a_deleted_voucher_a_changed_one_and_a_stray_are_found_and_nothing_else(sold: Books) -> None:
    del sold.ifs.vouchers["BC-5001/PAY/44"]
    shipped = sold.ifs.vouchers["BC-5001/SHIP/61"].rows
    more = [replace(r, debit=r.debit + 1 if r.debit else r.debit) for r in shipped]
    more = [replace(r, credit=r.credit + 1 if r is more[-1] else r.credit) for r in more]
    sold.ifs.change("BC-5001/SHIP/61", rows=tuple(more))
    stray = (voucher_row("1910", "5", "0"), voucher_row("4910", "0", "5"))
    sold.ifs.put(replace(sold.ifs.vouchers["BC-5001/SHIP/61"], reference="M-9", key="", rows=stray))
    found = await sold.compare()
    assert {(d.what, d.key, d.ifs_reference) for d in differences(found)} == {
        (What.MISSING, "BC-5001/PAY/44", "ref BC-5001/PAY/44"),
        (What.AMOUNT, "BC-5001/SHIP/61", sold.ifs.vouchers["BC-5001/SHIP/61"].reference),
        (What.STRAY, "", "M-9"),
    }
    assert found.is_red
    assert all(d.verdict is Verdict.RED and d.remedy for d in differences(found))


async def test_the_right_sum_on_the_wrong_account_is_found(sold: Books) -> None:
    rows = [replace(r, account="4010") if r.account == "4000" else r for r in sold.ifs.vouchers["BC-5001/SHIP/61"].rows]
    sold.ifs.change("BC-5001/SHIP/61", rows=tuple(rows))
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.key) == (What.ACCOUNTS, "BC-5001/SHIP/61")


async def test_a_voucher_out_of_balance_is_found(sold: Books) -> None:
    rows = sold.ifs.vouchers["BC-5001/PAY/44"].rows
    sold.ifs.change("BC-5001/PAY/44", rows=rows[:1])
    assert {d.what for d in differences(await sold.compare())} == {What.FAULT, What.ACCOUNTS}


async def test_a_cancelled_voucher_counts_as_not_there(sold: Books) -> None:
    sold.ifs.change("BC-5001/PAY/44", is_cancelled=True)
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.verdict) == (What.MISSING, Verdict.RED)
    assert "cancelled there" in difference.explanation
    cancelled = sold.ifs.vouchers["BC-5001/PAY/44"]
    again = sold.ifs.vouchers["entered again"] = replace(cancelled, reference="M-2026-9", is_cancelled=False)
    assert grid(await sold.compare()) == GREEN
    company = Company(sold.connection_id, "acme-us", sold.policy, BOOKING)
    assert cancelled_keys(company, [], [cancelled]) == {"BC-5001/PAY/44"}
    assert cancelled_keys(company, [], [cancelled, again]) == frozenset()


async def test_a_voucher_dated_otherwise_is_red_unless_its_period_was_closed(sold: Books) -> None:
    sold.ifs.change("BC-5001/PAY/44", day=LAST)
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.verdict) == (What.DAY, Verdict.RED)
    sold.record(sold.document_id("BC-5001/PAY/44"), day=LAST)
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.verdict, difference.ifs_day) == (What.DAY, Verdict.EXPLAINED, LAST)


async def test_a_voucher_moved_out_of_the_days_compared_is_looked_for_where_it_is(sold: Books) -> None:
    january = date(2027, 1, 4)
    sold.record(sold.document_id("BC-5001/PAY/44"), day=january)
    sold.ifs.change("BC-5001/PAY/44", day=january)
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.verdict, difference.ifs_day) == (What.DAY, Verdict.EXPLAINED, january)
    assert sold.ifs.asked == [(DAY, LAST), (january, january)]
    found = await sold.compare(january, january)
    assert [(r.kind.value, r.store_count, r.ifs_count, r.verdict.value) for r in found.rows] == [
        ("payments", 0, 1, "explained")
    ]


async def test_an_order_of_another_amount_in_ifs_is_red_but_for_rounding(sold: Books) -> None:
    for gross, verdict in (("27.04", Verdict.EXPLAINED), ("28.00", Verdict.RED)):
        sold.head("BC-5001", Decimal(gross))
        (difference,) = differences(await sold.compare())
        assert (difference.what, difference.verdict) == (What.AMOUNT, verdict)


async def test_the_total_that_a_person_accepted_is_explained_and_no_other(sold: Books) -> None:
    which = sold.connection_id, DocumentKind.CUSTOMER_ORDER, "BC-5001"
    sent = sold.database.read_sync(lambda conn: ledger.find(conn, *which))
    assert sent is not None
    sold.database.write_sync(lambda tx: marks.put(tx, sent, ACCEPTED, "28.00"))
    for gross, verdict in (("28.00", Verdict.EXPLAINED), ("29.00", Verdict.RED)):
        sold.head("BC-5001", Decimal(gross))
        (difference,) = differences(await sold.compare())
        assert (difference.what, difference.verdict) == (What.AMOUNT, verdict)
        assert ("accepted" in difference.explanation) is (verdict is Verdict.EXPLAINED)


async def test_an_invoice_on_our_order_is_red_where_vouchers_book_the_revenue(sold: Books) -> None:
    sold.head("BC-5001", Decimal(27), state="Invoiced")
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.verdict) == (What.FAULT, Verdict.RED)
    assert "twice" in difference.explanation
    sold.policy = replace(sold.policy, revenue_posting=RevenuePosting.IFS_INVOICE)
    assert [d for d in differences(await sold.compare()) if d.what is What.FAULT] == []


async def test_two_orders_with_one_reference_are_red(sold: Books) -> None:
    sold.ifs.heads["twin"] = replace(sold.ifs.heads["BC-5001"], order_no="P9")
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.key) == (What.TWICE, "BC-5001")


async def test_an_order_that_came_to_ifs_days_later_counts_on_the_stores_day(sold: Books) -> None:
    sold.clock.advance(5 * 86_400)
    sold.head("BC-5001", Decimal(27), entered_on=date(2026, 12, 6))
    assert grid(await sold.compare()) == GREEN


async def test_orders_and_vouchers_of_other_connections_on_the_company_are_left_alone(sold: Books) -> None:
    foreign = replace(sold.ifs.vouchers["BC-5001/PAY/44"], key="BC-EU-7/PAY/1", reference="M-77")
    sold.ifs.put(foreign)
    sold.head("BC-EU-7", Decimal(5))
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.key) == (What.STRAY, "BC-EU-7/PAY/1"), "nobody's, as far as we know"
    sold.others = ("BC-EU-{order_id}",)
    assert grid(await sold.compare()) == GREEN


async def test_an_order_in_ifs_that_the_store_never_had_is_red(sold: Books) -> None:
    sold.head("BC-777", Decimal(5))
    (difference,) = differences(await sold.compare())
    assert (difference.what, difference.key, difference.order_id) == (What.STRAY, "BC-777", 777)


async def test_orders_of_other_days_in_ifs_are_no_strays(sold: Books) -> None:
    books = sold
    books.place(two_units(5000, placed=at(9, date(2026, 11, 28))))
    books.sync(5000)
    assert grid(await books.compare()) == GREEN


# -- what explains a difference ----------------------------------------------------------------------------------------


async def explained(books: Books, key: str) -> Difference:
    (found,) = [d for d in differences(await books.compare()) if d.key == key]
    return found


async def test_a_fact_nobody_has_looked_at_is_red_with_the_command_that_looks(sold: Books) -> None:
    sold.pay(5001, 45, "1.00", at(16))
    difference = await explained(sold, "BC-5001/PAY/45")
    assert (difference.verdict, difference.remedy) == (Verdict.RED, "Run: bcifs orders sync 5001 --wait")


@pytest.mark.parametrize(
    ("state", "verdict", "word"),
    [
        (OrderState.DUE, Verdict.EXPLAINED, "being worked on"),
        (OrderState.WAITING, Verdict.EXPLAINED, "waiting (mapping): No account"),
        (OrderState.FAILED, Verdict.EXPLAINED, "failed"),
        (OrderState.SKIPPED, Verdict.EXPLAINED, "skipped"),
        (OrderState.IGNORED, Verdict.EXPLAINED, "ignored"),
        (OrderState.SYNCED, Verdict.RED, "nothing says why"),
    ],
)
async def test_the_state_of_the_order_explains(books: Books, state: OrderState, verdict: Verdict, word: str) -> None:
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    reason = Reason.MAPPING if state is OrderState.WAITING else None
    error = "No account" if state is not OrderState.SYNCED else ""
    books.finish(5001, state, reason=reason, error=error, remedy="Map it.")
    for key in ("BC-5001", "BC-5001/PAY/44"):
        difference = await explained(books, key)
        assert (difference.what, difference.verdict) == (What.MISSING, verdict)
        assert word in difference.explanation


async def test_the_problem_that_names_the_fact_is_told(sold: Books) -> None:
    sold.pay(5001, 45, "1.00", at(16))
    other = Blocker(Reason.MAPPING, "Something else.", "Other.", "sku X")
    named = Blocker(Reason.MAPPING, "No clearing account.", "Map it.", "tender 45")
    sold.finish(5001, OrderState.SYNCED, blockers=(other, named))
    difference = await explained(sold, "BC-5001/PAY/45")
    assert (difference.verdict, difference.explanation, difference.remedy) == (
        Verdict.EXPLAINED,
        "No clearing account.",
        "Map it.",
    )


async def test_by_hand_explains_goods_and_never_a_payment(sold: Books) -> None:
    """Payments go on by us whatever a person books: one that is lost is red (ACCOUNTING §1)."""
    sold.answer(5001, EditChoice.BY_HAND, "M-7")
    sold.pay(5001, 45, "1.00", at(16))
    sold.ship(5001, 69, 1, at(17))
    shipped = await explained(sold, "BC-5001/SHIP/69")
    assert (shipped.verdict, shipped.explanation.endswith("(M-7).")) == (Verdict.EXPLAINED, True)
    assert (await explained(sold, "BC-5001/PAY/45")).verdict is Verdict.RED


async def test_an_order_that_was_never_seen_is_red_and_one_before_the_start_is_not(books: Books) -> None:
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    assert {d.remedy for d in differences(await books.compare())} == {"Run: bcifs poll"}
    books.policy = replace(books.policy, start_at=at(12))
    found = await books.compare()
    assert {d.verdict for d in differences(found)} == {Verdict.EXPLAINED}
    assert not found.is_red
    books.finish(5001, OrderState.IGNORED, error="before start")
    assert "before start" in (await explained(books, "BC-5001")).explanation
    books.finish(5001, OrderState.SYNCED)  # a backfill named it, and its document is lost
    assert (await explained(books, "BC-5001")).verdict is Verdict.RED


async def test_facts_before_post_from_are_out_of_scope(books: Books) -> None:
    books.policy = replace(books.policy, post_from=at(12))
    books.place()
    books.pay(5001, 44, "20.00", at(10))
    books.pay(5001, 45, "7.00", at(13))
    books.sync(5001)
    difference = await explained(books, "BC-5001/PAY/44")
    assert difference.verdict is Verdict.EXPLAINED
    assert "before 2026-12-01 12:00" in difference.explanation
    assert "BC-5001/PAY/45" not in {d.key for d in differences(await books.compare())}


@pytest.mark.parametrize(
    ("payment", "word"),
    [({"is_offline": False}, "not paid yet"), ({"is_offline": False, "is_declined": True}, "declined")],
)
async def test_a_refund_that_is_not_paid_is_explained(books: Books, payment: dict[str, Any], word: str) -> None:
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    books.sync(5001)
    books.refund(5001, 9, 1, "11.00", "1.00", at(15), **payment)
    difference = await explained(books, "BC-5001/REFUND/9")
    assert (difference.verdict, difference.store_amount) == (Verdict.EXPLAINED, Decimal("11.00"))
    assert word in difference.explanation


@pytest.mark.parametrize(
    ("state", "word", "verdict"),
    [
        (DocumentState.UNKNOWN, "not known yet", Verdict.EXPLAINED),
        (DocumentState.FAILED, "refused it: no such account", Verdict.EXPLAINED),
        (DocumentState.SENT, "nothing says why", Verdict.RED),
        (DocumentState.CONFIRMED, "IFS does not show it", Verdict.RED),
    ],
)
async def test_how_far_the_voucher_got_explains(sold: Books, state: DocumentState, word: str, verdict: Verdict) -> None:
    del sold.ifs.vouchers["BC-5001/PAY/44"]
    sold.record(sold.document_id("BC-5001/PAY/44"), state=state, error="no such account")
    difference = await explained(sold, "BC-5001/PAY/44")
    assert difference.verdict is verdict
    assert word in difference.explanation
    assert difference.remedy


async def test_a_fact_that_moves_nothing_is_no_difference(sold: Books) -> None:
    sold.ship(5001, 62, 1, at(16))
    assert sold.sync(5001) == ["BC-5001/SHIP/62"], "nothing was left to ship"
    assert grid(await sold.compare()) == GREEN


async def test_a_deleted_shipment_is_explained_by_its_reversal_and_red_before(sold: Books) -> None:
    sold.change(5001, shipments=())
    difference = await explained(sold, "BC-5001/SHIP/61")
    assert (difference.what, difference.verdict) == (What.STRAY, Verdict.RED)
    sold.finish(5001, OrderState.DUE)
    assert (await explained(sold, "BC-5001/SHIP/61")).verdict is Verdict.EXPLAINED
    assert "BC-5001/SHIP/61/REV" in sold.sync(5001)
    found = await sold.compare()
    (difference,) = differences(found)
    assert (difference.verdict, "BC-5001/SHIP/61/REV" in difference.explanation) == (Verdict.EXPLAINED, True)
    assert (1, "other", 1, "16.00", 1, "16.00", "green") in grid(found)


async def test_an_order_that_the_store_no_longer_has_is_red(sold: Books) -> None:
    del sold.store.orders[5001]
    sold.store.refunds.clear()
    found = await sold.compare()
    assert {d.what for d in differences(found)} == {What.STRAY}
    assert all("no longer has order 5001" in d.explanation for d in differences(found) if "/" in d.key)
    assert found.is_red


async def test_a_shipment_of_another_quantity_than_was_booked_is_red(sold: Books) -> None:
    """The store's record is what counts, not what our ledger says of it."""
    record = (sold.store.orders[5001].shipments or ())[0]
    sold.change(5001, shipments=(replace(record, items=(replace(record.items[0], quantity=2),)),))
    difference = await explained(sold, "BC-5001/SHIP/61")
    assert (difference.what, difference.store_amount, difference.ifs_amount) == (
        What.AMOUNT,
        Decimal("27.00"),
        Decimal("16.00"),
    )


async def test_a_lowered_line_explains_the_order(sold: Books) -> None:
    update = OrderUpdateDraft("BC-5001/LINE/17/1", 5001, UpdateKind.LINE_QUANTITY, "P1", 17, gross=Decimal("11.00"))
    new = NewDocument(
        sold.connection_id,
        "order:5001",
        update.key,
        DocumentKind.ORDER_UPDATE,
        "",
        Decimal("11.00"),
        "USD",
        encode(update),
    )
    document_id = sold.database.write_sync(lambda tx: ledger.intend(tx, new)).id
    sold.head("BC-5001", Decimal("16.00"))
    assert (await explained(sold, "BC-5001")).verdict is Verdict.RED, "it was not done yet"
    sold.record(document_id, state=DocumentState.CONFIRMED)
    difference = await explained(sold, "BC-5001")
    assert (difference.what, difference.verdict) == (What.AMOUNT, Verdict.EXPLAINED)
    assert "lowered by 11.00 USD" in difference.explanation


async def test_an_order_cancelled_on_both_sides_is_explained_and_on_one_red(sold: Books) -> None:
    sold.head("BC-5001", Decimal(27), state="Cancelled")
    difference = await explained(sold, "BC-5001")
    assert (difference.verdict, "cancelled in IFS" in difference.explanation) == (Verdict.RED, True)
    sold.change(5001, status_id=5)
    assert (await explained(sold, "BC-5001")).verdict is Verdict.EXPLAINED


# -- transports --------------------------------------------------------------------------------------------------------


async def test_with_vouchers_off_only_orders_are_compared(books: Books) -> None:
    books.policy = replace(books.policy, voucher_transport=VoucherTransport.OFF)
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    books.sync(5001)
    found = await books.compare()
    assert not found.is_red
    assert [(row.kind.value, row.verdict.value) for row in found.rows] == [
        ("orders", "green"),
        ("payments", "explained"),
    ]
    assert (await explained(books, "BC-5001/PAY/44")).explanation == "Vouchers are off for this connection."
    assert books.ifs.asked == []
    assert found.notes


async def test_vouchers_posted_before_they_were_switched_off_are_still_compared(sold: Books) -> None:
    sold.policy = replace(sold.policy, voucher_transport=VoucherTransport.OFF)
    assert grid(await sold.compare()) == GREEN


async def test_where_ifs_books_the_revenue_only_cash_is_expected(books: Books) -> None:
    books.policy = replace(books.policy, revenue_posting=RevenuePosting.IFS_INVOICE)
    books.place()
    books.pay(5001, 44, "27.00", at(10))
    books.ship(5001, 61, 2, at(14))
    books.sync(5001)
    found = await books.compare()
    assert [row.kind.value for row in found.rows] == ["orders", "payments"]
    assert not found.is_red


async def test_by_file_a_voucher_is_explained_until_its_file_is_loaded(books: Books) -> None:
    books.policy = replace(books.policy, voucher_transport=VoucherTransport.EXTERNAL_FILE)
    books.place()
    for number in (44, 45):
        books.pay(5001, number, "13.50", at(10))
    books.sync(5001)
    drafts = {key: books.draft(key) for key in ("BC-5001/PAY/44", "BC-5001/PAY/45")}
    books.ifs.vouchers.clear()
    for key in drafts:
        books.record(books.document_id(key), state=DocumentState.INTENDED)
    assert "no batch file yet" in (await explained(books, "BC-5001/PAY/44")).explanation
    books.database.write_sync(lambda tx: batches.assign_batch(tx, books.connection_id, limit=9))
    books.database.write_sync(
        lambda tx: batches.batch_written(tx, books.connection_id, 1, file_name="STDVOU-1", sha256="ab")
    )
    difference = await explained(books, "BC-5001/PAY/44")
    assert (difference.verdict, "batch file 1" in difference.explanation) == (Verdict.EXPLAINED, True)
    books.ifs.add(drafts["BC-5001/PAY/44"])
    difference = await explained(books, "BC-5001/PAY/45")
    assert difference.verdict is Verdict.RED, "the file was loaded, as its other voucher shows"
    (batch,) = books.database.read_sync(lambda conn: batches.batches(conn, books.connection_id))
    assert batch.state is batches.BatchState.LOADED


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_an_order_whose_changes_move_no_list_is_read_for_its_vouchers(sold: Books) -> None:
    """Whether a tender moves `date_modified` is undocumented (DESIGN §9)."""
    sold.store.unlisted.add(5001)
    assert grid(await sold.compare()) == GREEN


async def test_orders_placed_after_the_days_cost_no_calls(sold: Books) -> None:
    sold.place(two_units(6000, placed=at(9, date(2026, 12, 8))))
    sold.store.calls.clear()
    await sold.compare()
    assert [call for call in sold.store.calls if "6000" in call and not call.startswith("listed")] == []


@pytest.mark.parametrize("name", ["list", "listed", "refunds", "tenders", "shipments"])
async def test_calls_that_fail_for_a_moment_are_made_again(sold: Books, name: str) -> None:
    sold.store.before_each = failing(3, lambda: Unavailable("BigCommerce does not answer."), name)
    assert grid(await sold.compare()) == GREEN
    assert sold.paused == [0.2, 0.4, 0.8]


async def test_a_used_up_quota_is_waited_for_as_long_as_the_store_says(sold: Books) -> None:
    sold.store.before_each = failing(1, lambda: RateLimited(17.0), "tenders")
    assert grid(await sold.compare()) == GREEN
    assert sold.paused == [17.0]


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (lambda: PermissionMissing("/v3/orders/{id}/transactions"), "tenders"),
        (lambda: Unavailable("BigCommerce does not answer."), "list"),
    ],
)
async def test_what_does_not_pass_is_raised_as_it_is_and_nothing_is_kept(
    sold: Books, problem: Callable[[], Unavailable], name: str
) -> None:
    sold.store.before_each = failing(99, problem, name)
    with pytest.raises((PermissionMissing, Unavailable)):
        await sold.compare()
    assert kept(sold) == []


async def test_one_order_that_cannot_be_read_is_named_and_red(sold: Books) -> None:
    sold.place(two_units(5002))
    sold.sync(5002)
    sold.store.before_each = failing(99, lambda: BadAnswer("No amount.", order_id=5001), "tenders 5001")
    found = await sold.compare()
    assert found.unread == ("Order 5001: No amount.",)
    assert found.is_red
    assert "BC-5002" not in {d.key for d in differences(found)}
    assert all("could not be read" in d.explanation for d in differences(found) if "/" in d.key)


# -- keeping -----------------------------------------------------------------------------------------------------------


def kept(books: Books) -> list[reconciliation.ReconciledDay]:
    return books.database.read_sync(lambda conn: reconciliation.between(conn, books.connection_id, DAY, LAST))


async def test_what_was_found_is_kept_and_outdated_by_the_next_voucher_of_the_day(sold: Books) -> None:
    sold.clock.advance(60)
    found = await sold.compare()
    assert [(k.day, k.kind, k.store_sum, k.ifs_sum, k.verdict) for k in kept(sold)] == [
        (r.day, r.kind.value, r.store_sum, r.ifs_sum, r.verdict.value) for r in found.rows
    ]
    assert {k.made_at for k in kept(sold)} == {sold.clock.now()}
    assert not any(k.outdated for k in kept(sold))
    sold.clock.advance(60)
    sold.pay(5001, 45, "1.00", at(16))
    sold.sync(5001)
    assert {k.day for k in kept(sold) if k.outdated} == {DAY}


async def test_the_differences_are_kept_with_their_reasons(sold: Books) -> None:
    del sold.ifs.vouchers["BC-5001/PAY/44"]
    found = await sold.compare()
    (payments,) = [k for k in kept(sold) if k.kind == "payments"]
    (difference,) = differences(found)
    assert payments.differences == (difference.as_json(),)
