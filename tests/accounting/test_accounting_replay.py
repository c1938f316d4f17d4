"""The time machine says of a past order what a real run under other rules would have done with it."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.plan import plan
from bcifs_console.accounting.replay import Effect, Past, Replayed, compare, replay
from bcifs_console.domain.codec import decode_customer_order, decode_voucher, encode
from bcifs_console.domain.documents import DocumentKind, Ledger
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Plan, Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Policy, Purpose, Rules
from tests.accounting.bookkeeping import (
    ACCOUNTS,
    BOOK_RULES,
    BOOKS,
    INVOICED,
    BookLedger,
    hours,
    kept,
    lived,
    looked_at,
    shipment,
    tender,
    without,
)
from tests.accounting.building import KNOWN, POLICY, ci, dec, line, official, order, rule
from tests.accounting.lives import Life, lives

SEEN = hours(1000)


def with_first(*first: object, rules: Rules = BOOK_RULES) -> Rules:
    return Rules((*first, *rules.rules))  # type: ignore[arg-type]


#: What a person may try, one thing at a time.
TRIALS = (
    BOOK_RULES,
    with_first(rule(Purpose.REVENUE, "4010", 0, sku="sku-1")),
    with_first(rule(Purpose.CLEARING, "1585", 0, gateway="paypal")),
    with_first(rule(Purpose.TAX, "charge:VAT", 0)),
    with_first(rule(Purpose.TAX_ACCOUNT, "2611", 0, tax_code="S")),
    with_first(MappingRule(Purpose.CODE_PART_B, 0, "WEB", (Condition(ConditionField.PURPOSE, ("*_income",)),))),
    with_first(rule(Purpose.SALES_PART, "OTHER", 0, sku="sku-2")),
    with_first(rule(Purpose.PAY_TERM, "30", 0)),
    without(Purpose.SHIPPING_INCOME),
    without(Purpose.REVENUE),
    without(Purpose.GOODWILL),
)
trials = st.sampled_from(TRIALS)


def past(of: Order, seen_at: datetime = SEEN, draft: str = "") -> Past:
    return Past.of(encode(of), draft, seen_at=seen_at, customer_id="C100", is_named=False)


def posted(of: Order, rules: Rules = BOOK_RULES, policy: Policy = BOOKS, seen_at: datetime = SEEN) -> Past:
    """The order as the store keeps it once it was posted under `rules`."""
    answer = plan(of, KNOWN, rules, policy, Ledger(), seen_at=seen_at)
    return past(of, seen_at, encode(answer.documents[0]) if answer.documents else "")


def tried(of: Past, before: Rules, after: Rules, policy: Policy = BOOKS) -> tuple[Effect, dict[str, Decimal]]:
    found = compare(replay(of, before, policy), replay(of, after, policy), policy)
    return found.effect, {change.account: change.amount for change in found.accounts}


# -- as a real run ---------------------------------------------------------------------------------------------------


def really(of: Order, rules: Rules, seen_at: datetime, policy: Policy = BOOKS) -> tuple[BookLedger, Plan]:
    """The order brought into empty books, look after look until nothing is left to do; and the last plan."""
    books = BookLedger()
    for _ in range(4):
        answer = looked_at(of, books, policy=policy, rules=rules, seen_at=seen_at)
    return books, answer


def accounts_of(books: BookLedger) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for voucher in books.vouchers:
        for row in voucher.rows:
            sums[row.account] += row.amount
    return sums


def waits_for_a_rule(answer: Plan) -> bool:
    return any(b.reason is Reason.MAPPING for b in (*answer.blockers, *answer.conflicts, *answer.pending))


@ci
@given(lives(), trials, trials, st.booleans())
def test_effects_and_amounts_are_those_of_a_real_run_under_each_rules(
    life: Life, before: Rules, after: Rules, was_posted: bool
) -> None:
    of, seen_at = life.looks[-1]
    kept_order = posted(of, before, seen_at=seen_at) if was_posted else past(of, seen_at)
    effect, accounts = tried(kept_order, before, after)
    (old, old_plan), (new, new_plan) = really(of, before, seen_at), really(of, after, seen_at)
    sums_old, sums_new = accounts_of(old), accounts_of(new)
    moved = {a: sums_new[a] - sums_old[a] for a in {*sums_old, *sums_new} if sums_new[a] != sums_old[a]}
    assert accounts == moved
    was_blocked, is_blocked = waits_for_a_rule(old_plan), waits_for_a_rule(new_plan)
    if is_blocked != was_blocked:
        assert effect is (Effect.NEWLY_BLOCKED if is_blocked else Effect.NEWLY_FREE)
    else:
        assert (effect is Effect.SAME) == (shown(old) == shown(new) and said(old_plan) == said(new_plan))


def shown(books: BookLedger) -> list[object]:
    """What IFS is told: everything of the documents but which rule said it, and what is frozen beside them."""
    found: list[object] = []
    for document in books.ledger.documents:
        if document.kind is DocumentKind.CUSTOMER_ORDER:
            order_draft = decode_customer_order(document.draft)
            found.append(replace(order_draft, traces=(), basis=None))
        elif document.kind is DocumentKind.VOUCHER:
            voucher = decode_voucher(document.draft)
            rows = [replace(row, rule="", shares=(), subject="") for row in voucher.rows]
            found.append((voucher.key, rows))
    return found


def said(answer: Plan) -> set[str]:
    return {b.message for b in (*answer.blockers, *answer.pending) if b.reason is Reason.MAPPING}


@ci
@given(lives(), trials)
def test_rules_beside_themselves_make_no_difference(life: Life, rules: Rules) -> None:
    of, seen_at = life.looks[-1]
    assert tried(posted(of, rules, seen_at=seen_at), rules, rules) == (Effect.SAME, {})


# -- what is said ----------------------------------------------------------------------------------------------------


def shipped(**more: object) -> Order:
    return lived(
        replace(official(), **more),  # type: ignore[arg-type]
        tenders=(tender(44, "69.84"),),
        shipments=(shipment(61, 2, line_1=4),),
    )


def test_another_revenue_account_moves_the_net_amount_and_names_line_and_row() -> None:
    after = with_first(rule(Purpose.REVENUE, "4010", 0, sku="sku-1"))
    found = compare(replay(past(shipped()), BOOK_RULES, BOOKS), replay(past(shipped()), after, BOOKS), BOOKS)
    assert found.effect is Effect.DIFFERENT
    assert {c.account: c.amount for c in found.accounts} == {"4000": dec("53.44"), "4010": dec("-53.44")}
    assert [(d.document, d.part.split()[0]) for d in found.differences] == [
        ("BC-5001", "line:1"),
        ("BC-5001/SHIP/61", "row:2"),
    ]
    assert "account 4000" in (found.differences[0].before or "")
    assert "account 4010" in (found.differences[0].after or "")


def test_a_purpose_without_a_rule_blocks_what_it_did_not_block_and_back() -> None:
    blocked = without(Purpose.SHIPPING_INCOME)
    assert tried(past(shipped()), BOOK_RULES, blocked)[0] is Effect.NEWLY_BLOCKED
    assert tried(past(shipped()), blocked, BOOK_RULES)[0] is Effect.NEWLY_FREE
    found = compare(replay(past(shipped()), blocked, BOOKS), replay(past(shipped()), BOOK_RULES, BOOKS), BOOKS)
    assert [blocker.subject for blocker in found.blockers] == ["shipping_income"]


def test_an_order_blocked_either_way_is_different_where_something_else_blocks_it() -> None:
    first, second = without(Purpose.SHIPPING_INCOME), without(Purpose.REVENUE)
    assert tried(past(shipped()), first, first)[0] is Effect.SAME
    assert tried(past(shipped()), first, second)[0] is Effect.DIFFERENT


def test_sales_parts_charge_types_and_terms_are_differences_that_move_no_account() -> None:
    for first in (
        rule(Purpose.SALES_PART, "OTHER", 0),
        rule(Purpose.CHARGE_TYPE, "PORTO", 0, charge="shipping"),
        rule(Purpose.PAY_TERM, "30", 0),
    ):
        assert tried(past(shipped()), BOOK_RULES, with_first(first)) == (Effect.DIFFERENT, {})


def test_which_rule_or_version_said_it_is_no_difference() -> None:
    renumbered = Rules(tuple(replace(each, position=each.position + 5, version=7) for each in BOOK_RULES.rules))
    assert tried(posted(shipped()), BOOK_RULES, renumbered) == (Effect.SAME, {})


def test_where_ifs_invoices_book_the_revenue_it_moves_between_the_accounts_of_the_lines() -> None:
    after = with_first(rule(Purpose.REVENUE, "4010", 0))
    effect, accounts = tried(past(shipped()), BOOK_RULES, after, INVOICED)
    assert (effect, accounts) == (Effect.DIFFERENT, {"4000": dec("62.68"), "4010": dec("-62.68")})


def test_a_posted_order_is_replayed_on_its_frozen_amounts_whatever_the_store_forgot() -> None:
    """After a refund the store may drop tax rows: the snapshot has none, the basis has them."""
    rows = Rules((*ACCOUNTS, rule(Purpose.TAX, "code:S"), *default_rules()))
    sold = line(1, ex="30", inc="36", quantity=3)
    whole = lived(order([sold], inc="36", tax="6"), tenders=(tender(44, "36"),), shipments=(shipment(61, 2, line_1=3),))
    frozen = posted(whole, rows)
    forgotten = replace(frozen, order=replace(whole, total_tax=ZERO, total_ex_tax=dec("36"), taxes=None))
    after = with_first(rule(Purpose.TAX_ACCOUNT, "2611", 0), rules=rows)
    assert tried(forgotten, rows, after)[1] == {"2610": dec("6"), "2611": dec("-6")}


def test_nothing_of_what_was_frozen_is_touched() -> None:
    of = posted(shipped())
    before = repr(of)
    replay(of, with_first(rule(Purpose.REVENUE, "4010", 0)), BOOKS)
    assert repr(of) == before


def test_a_draft_that_can_no_longer_be_read_leaves_the_snapshot() -> None:
    of = Past.of(encode(shipped()), "{not json", seen_at=SEEN, customer_id="", is_named=False)
    assert of.basis is None
    assert tried(of, BOOK_RULES, with_first(rule(Purpose.REVENUE, "4010", 0)))[0] is Effect.DIFFERENT


def test_an_order_of_before_the_start_counts_only_where_a_backfill_named_it() -> None:
    late = replace(BOOKS, start_at=hours(500))
    unnamed = past(shipped())
    after = with_first(rule(Purpose.REVENUE, "4010", 0))
    assert tried(unnamed, BOOK_RULES, after, late)[0] is Effect.SAME
    assert tried(replace(unnamed, is_named=True), BOOK_RULES, after, late)[0] is Effect.DIFFERENT


def test_without_vouchers_only_the_customer_order_is_replayed() -> None:
    found = replay(posted(shipped(), policy=POLICY), BOOK_RULES, POLICY)
    assert ([d.key for d in found.documents], found.vouchers) == (["BC-5001"], ())


def test_a_snapshot_that_can_no_longer_be_read_is_an_error() -> None:
    with pytest.raises(ValueError):
        Past.of("{}", "", seen_at=SEEN, customer_id="", is_named=False)


def test_what_no_rule_covers_is_told_from_what_else_blocks() -> None:
    broken = replace(official(), total_inc_tax=dec("99"))
    found: Replayed = replay(past(broken), without(Purpose.REVENUE), BOOKS)
    assert {b.reason for b in found.blockers} == {Reason.TOTALS, Reason.MAPPING}
    assert [b.reason for b in found.unmapped] == [Reason.MAPPING]


def test_vouchers_of_a_life_are_replayed_as_they_were_booked() -> None:
    books = kept(shipped())
    found = replay(posted(shipped()), BOOK_RULES, BOOKS)
    assert [voucher.key for voucher in found.vouchers] == [voucher.key for voucher in books.vouchers]
    assert [voucher.rows for voucher in found.vouchers] == [voucher.rows for voucher in books.vouchers]
