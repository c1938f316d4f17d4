"""The planner: gates, customers, blockers gathered, release, and what happens once an order was sent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bcifs_console.accounting.basis import fact_hash
from bcifs_console.domain.buyers import Known, Skipped, Unknown
from bcifs_console.domain.documents import Ledger
from bcifs_console.domain.orders import Address, ChargeKind, LineType, Order
from bcifs_console.domain.plan import Plan, Reason, Verdict
from bcifs_console.domain.rules import Rules
from bcifs_console.domain.updates import UpdateKind
from tests.accounting.building import (
    HOME,
    PLACED,
    POLICY,
    START,
    charge,
    dec,
    drafted,
    followed,
    line,
    official,
    order,
    planned,
    released,
    sent,
    shipping,
    units,
)

GATE = {
    0: "status 0 Incomplete",
    1: "status 1 Pending",
    5: "status 5 Cancelled",
    6: "status 6 Declined",
    12: "status 12 Manual Verification Required",
}


def conflict(before: Order, after: Order) -> str:
    answer = followed(before, after)
    assert (answer.verdict, answer.documents, answer.release, answer.blockers) == (Verdict.WAIT, (), False, ())
    (found,) = answer.conflicts
    assert found.reason is Reason.CONFLICT
    assert "C9001" in found.remedy
    return found.message


@pytest.mark.parametrize("status", range(15))
def test_the_status_gate_decides_the_first_import(status: int) -> None:
    answer = planned(official(status_id=status))
    expected = Verdict.IGNORE if status in GATE else Verdict.POST
    assert (answer.verdict, answer.note) == (expected, GATE.get(status, ""))
    assert len(answer.documents) == (0 if status in GATE else 1)


def test_an_unknown_status_is_ignored_by_the_stores_own_name() -> None:
    answer = planned(official(status_id=99, status="On Holiday"))
    assert (answer.verdict, answer.note) == (Verdict.IGNORE, "status 99 On Holiday")


def test_the_gate_is_configurable() -> None:
    policy = replace(POLICY, import_statuses=frozenset({1}))
    assert planned(official(status_id=1), policy=policy).verdict is Verdict.POST
    assert planned(official(status_id=11), policy=policy).verdict is Verdict.IGNORE


def test_orders_placed_before_go_live_are_ignored() -> None:
    early = planned(official(placed_at=START - timedelta(seconds=1)))
    assert (early.verdict, early.note) == (Verdict.IGNORE, "before start")
    assert planned(official(placed_at=START)).verdict is Verdict.POST


def test_an_archived_order_counts() -> None:
    assert planned(official(is_deleted=True)).verdict is Verdict.POST


def test_a_disputed_order_is_imported_with_a_warning_and_not_released() -> None:
    answer = planned(official(status_id=13))
    assert (answer.verdict, answer.release) == (Verdict.POST, False)
    assert [w.code for w in answer.warnings] == ["disputed"]


def test_a_skipped_customer_skips_the_order_with_the_note() -> None:
    answer = planned(official(), customer=Skipped("staff orders"))
    assert (answer.verdict, answer.note, answer.blockers) == (Verdict.SKIP, "staff orders", ())


def test_a_gated_order_is_ignored_whoever_bought() -> None:
    assert planned(official(status_id=0), customer=Skipped("x")).verdict is Verdict.IGNORE
    assert planned(official(status_id=0), customer=Unknown()).verdict is Verdict.IGNORE


@pytest.mark.parametrize(
    ("email", "matches", "said", "subject"),
    [
        ("J@x.org", (), "No IFS customer is known for j@x.org.", "customer:17"),
        ("j@x.org", ("C1", "C2"), "Several IFS customers match j@x.org: C1, C2.", "customer:17"),
        ("", (), "no valid e-mail", "customer:17"),
        ("not an address", (), "no valid e-mail", "customer:17"),
    ],
)
def test_an_unknown_customer_waits_and_says_why(email: str, matches: tuple[str, ...], said: str, subject: str) -> None:
    answer = planned(official(billing=replace(HOME, email=email)), customer=Unknown(matches))
    assert (answer.verdict, answer.documents, answer.release) == (Verdict.WAIT, (), False)
    (blocker,) = answer.blockers
    assert (blocker.reason, blocker.subject) == (Reason.CUSTOMER, subject)
    assert said in blocker.message
    assert blocker.remedy


def test_a_guest_without_an_e_mail_is_known_by_the_order_alone() -> None:
    answer = planned(official(customer_id=0, billing=Address()), customer=Unknown())
    assert answer.blockers[0].subject == "order:5001"


def test_customer_totals_and_mapping_are_reported_together() -> None:
    of = official(total_tax=dec("6"))
    answer = planned(of, Rules(), customer=Unknown())
    assert answer.verdict is Verdict.WAIT
    assert list(dict.fromkeys(b.reason for b in answer.blockers)) == [Reason.CUSTOMER, Reason.TOTALS, Reason.MAPPING]
    assert {b.subject for b in answer.blockers if b.reason is Reason.MAPPING} >= {
        "SKU sku-1",
        "charge shipping",
        "charge discount",
    }


def test_fitting_within_the_cap_is_a_warning() -> None:
    answer = planned(order([line(ex="100", inc="120")], inc="120.05", tax="20.03"))
    (warning,) = answer.warnings
    assert warning.code == "totals_within_cap"
    assert "goods by -0.05 USD" in warning.message
    assert "tax on goods by -0.03 USD" in warning.message


def test_the_draft_is_for_the_known_customer() -> None:
    assert planned(official(), customer=Known("C7")).documents[0].customer_id == "C7"


@pytest.mark.parametrize("status", range(15))
def test_release_follows_the_status(status: int) -> None:
    assert planned(replace(units(), status_id=status)).release is (status in {3, 8, 9, 11, 14})


@pytest.mark.parametrize(
    ("shipped", "refunded", "released"),
    [
        (0, 0, True),
        (2, 0, True),
        (3, 0, False),
        (0, 2, False),
        (0, 3, False),
        (1, 2, False),
        (2, 1, False),
        (3, 1, False),
    ],
)
def test_release_needs_unshipped_unrefunded_units(shipped: int, refunded: int, released: bool) -> None:
    assert planned(units(shipped=shipped, refunded=refunded)).release is released


def test_one_open_line_suffices_for_release() -> None:
    done = line(1, ex="10", inc="10", quantity_shipped=1)
    open_ = line(2, ex="10", inc="10", type=LineType.DIGITAL)
    assert planned(order([done, open_], inc="20", tax="0")).release


def test_gift_certificates_alone_release_nothing() -> None:
    card = line(ex="50", inc="50", type=LineType.GIFT_CERTIFICATE)
    assert not planned(order([card], inc="50", tax="0")).release


@pytest.mark.parametrize(
    ("status", "shipped", "refunded", "released"),
    [
        (2, 3, 0, True),
        (10, 0, 0, True),
        (11, 3, 0, True),
        (7, 3, 0, False),
        (4, 0, 3, False),
        (2, 1, 2, False),
        (2, 0, 3, False),
    ],
)
def test_shipped_orders_are_released_only_when_the_policy_says_so(
    status: int, shipped: int, refunded: int, released: bool
) -> None:
    of = replace(units(shipped=shipped, refunded=refunded), status_id=status)
    assert planned(of, policy=replace(POLICY, release_shipped=True)).release is released
    assert not planned(of).release


def test_release_can_be_switched_off_and_its_statuses_chosen() -> None:
    assert not planned(units(), policy=replace(POLICY, release_orders=False)).release
    only_7 = replace(POLICY, release_statuses=frozenset({7}))
    assert planned(replace(units(), status_id=7), policy=only_7).release
    assert not planned(units(), policy=only_7).release


def test_an_order_already_sent_is_followed_without_asking_rules_customer_or_gates_again() -> None:
    answer = followed(official(), official(), replace(POLICY, start_at=PLACED + timedelta(days=1)))
    assert answer == Plan(Verdict.POST, release=True)
    back = followed(official(), official(status_id=12))
    assert (back.verdict, back.release, back.conflicts) == (Verdict.POST, False, ())


def test_a_status_that_opens_the_gate_releases_an_order_sent_before() -> None:
    waiting = units()
    assert not planned(replace(waiting, status_id=7)).release
    assert followed(replace(waiting, status_id=7), replace(waiting, status_id=11)).release


def test_shipping_refunds_after_release_addresses_and_notes_are_no_edits() -> None:
    after = official(
        status_id=14,
        taxes=(),
        coupons=(),
        billing=Address(),
        staff_notes="called",
        lines=(replace(official().lines[0], quantity_shipped=1, quantity_refunded=1),),
    )
    answer = planned(after, ledger=released(sent(official())))
    assert replace(answer, updates=()) == Plan(Verdict.POST, release=True)
    assert [(update.key, update.quantity) for update in answer.updates] == [("BC-5001/LINE/1/3", dec(3))]


@pytest.mark.parametrize("status", [5, 6])
def test_closed_after_it_was_sent_is_cancelled_in_ifs(status: int) -> None:
    answer = followed(official(), official(status_id=status))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    (update,) = answer.updates
    assert (update.key, update.update_kind, update.order_no) == ("BC-5001/CANCEL", UpdateKind.CANCEL, "C9001")


@pytest.mark.parametrize(("status", "word"), [(5, "cancelled"), (6, "declined")])
def test_closed_with_goods_shipped_is_a_conflict(status: int, word: str) -> None:
    message = conflict(official(), official(status_id=status, items_shipped=1))
    assert message.startswith(f"The order was {word} in the store after it was sent to IFS as C9001, and goods")


def test_cancelled_and_edited_are_both_said() -> None:
    before = units()
    after = replace(units(shipped=1), status_id=5, total_inc_tax=dec("37"), total_ex_tax=dec("31"))
    assert len(followed(before, after).conflicts) == 2


def test_an_edit_does_not_keep_a_cancellation_from_ifs() -> None:
    before = units()
    answer = followed(before, replace(before, status_id=5, total_inc_tax=dec("37"), total_ex_tax=dec("31")))
    assert (answer.verdict, len(answer.conflicts)) == (Verdict.WAIT, 1)
    assert [update.update_kind for update in answer.updates] == [UpdateKind.CANCEL]


TWO = [line(1, ex="20", inc="24", quantity=2), line(2, ex="10", inc="12")]
BASE = order(TWO, inc="42", tax="7", charges=(shipping("5", "1"),))


def test_a_changed_quantity_is_named() -> None:
    more = replace(
        TWO[0],
        quantity=3,
        total_ex_tax=dec(30),
        total_inc_tax=dec(36),
        total_tax=dec(6),
        discounted_total_inc_tax=dec(36),
    )
    message = conflict(BASE, order([more, TWO[1]], inc="54", tax="9", charges=BASE.charges))
    assert "line 1 (SKU-1): quantity 2 → 3" in message
    assert "total 42.00 → 54.00" in message
    assert "unit price" not in message


def test_a_changed_price_is_named() -> None:
    dearer = line(2, ex="15", inc="18")
    message = conflict(BASE, order([TWO[0], dearer], inc="48", tax="8", charges=BASE.charges))
    assert "line 2 (SKU-2): unit price 10.00 → 15.00" in message
    assert "line 1" not in message


def test_an_added_and_a_removed_line_are_named() -> None:
    message = conflict(BASE, order([TWO[0], line(3, ex="10", inc="12")], inc="42", tax="7", charges=BASE.charges))
    assert "line 2 (SKU-2) was removed" in message
    assert "line 3 (sku-3) was added: quantity 1" in message


def test_a_changed_charge_and_a_new_fee_are_named() -> None:
    charges = (shipping("10", "2"), charge(ChargeKind.FEE, "3", "0"))
    message = conflict(BASE, order(TWO, inc="51", tax="8", charges=charges))
    assert "shipping before tax 5.00 → 10.00" in message
    assert "fee before tax 0.00 → 3.00" in message


def test_a_new_discount_is_named() -> None:
    cut = line(2, ex="10", inc="12", discount="6")
    after = order([TWO[0], cut], inc="36", tax="6", charges=BASE.charges, discount_amount=dec(6))
    assert "discount before tax 0.00 → -5.00" in conflict(BASE, after)


def test_a_changed_gift_certificate_is_named() -> None:
    before, after = (
        order([TWO[0], line(4, ex=face, inc=face, type=LineType.GIFT_CERTIFICATE)], inc=total, tax="4")
        for face, total in (("50", "74"), ("60", "84"))
    )
    message = conflict(before, after)
    assert "gift certificate before tax 50.00 → 60.00" in message
    assert "line 4" not in message


def test_a_changed_currency_is_named() -> None:
    assert "currency USD → EUR" in conflict(BASE, replace(BASE, currency="EUR"))


def test_an_edit_that_no_longer_proves_is_named_by_what_can_be_compared() -> None:
    message = conflict(BASE, replace(BASE, total_inc_tax=dec(50)))
    assert "total 42.00 → 50.00" in message


def test_a_changed_sku_is_named_beside_the_part_that_was_sent() -> None:
    after = replace(BASE, lines=(replace(TWO[0], sku="other"), TWO[1]))
    assert "line 1 was sent as part SKU-1, its SKU is now other" in conflict(BASE, after)


def test_a_change_below_the_minor_unit_is_still_a_conflict() -> None:
    after = replace(BASE, lines=(replace(TWO[0], price_ex_tax=dec("10.0001")), TWO[1]))
    assert "below the currency's minor unit" in conflict(BASE, after)


def test_lines_left_out_when_first_sent_are_not_named_as_changes() -> None:
    before = order(
        [replace(TWO[0], quantity_refunded=2), TWO[1]], inc="42", tax="7", charges=BASE.charges, status_id=14
    )
    after = replace(
        before, charges=(shipping("10", "2"),), total_inc_tax=dec(48), total_ex_tax=dec(40), total_tax=dec(8)
    )
    message = conflict(before, after)
    assert "line 1" not in message
    assert "total 18.00 → 24.00" in message


def test_a_frozen_draft_that_cannot_be_read_still_gives_a_conflict() -> None:
    ledger = sent(BASE)
    broken = Ledger((replace(ledger.documents[0], draft="{}"),))
    answer = planned(replace(BASE, currency="EUR"), ledger=broken)
    assert "can no longer be read" in answer.conflicts[0].message


def test_the_draft_carries_the_hash_the_ledger_compares() -> None:
    assert drafted(BASE).fact_hash == fact_hash(BASE)
