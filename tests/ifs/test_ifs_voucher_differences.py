"""A draft against the rows that IFS shows: pairing one to one, and every kind of difference in words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.domain.vouchers import VoucherDraft, VoucherKind, VoucherRow
from bcifs_console.ifs.profile import Profile, load_profile
from bcifs_console.ifs.voucher_differences import matching_rows, voucher_differences
from bcifs_console.ifs.voucher_payloads import row_text
from bcifs_console.ifs.voucher_records import VoucherHead, VoucherRowRecord
from tests.ifs.conftest import booking

KEY = "BC-5001/SHIP/61"
HEAD = VoucherHead("10", "M", 2026, 17, "Confirmed", "e", KEY, date(2026, 11, 30), "USD", is_confirmed=True)


def shown(draft: VoucherDraft, head: VoucherHead = HEAD) -> list[VoucherRowRecord]:
    """The draft's rows as IFS shows them when all went well."""
    return [
        VoucherRowRecord(
            row_no=number,
            account=row.account,
            code_parts=row.code_parts,
            currency=draft.currency,
            debit=row.debit,
            credit=row.credit,
            accounting_debit=row.accounting_debit,
            accounting_credit=row.accounting_credit,
            text=row_text(draft, row, head.day, 200),
            reference_number=draft.key,
        )
        for number, row in enumerate(draft.rows, start=1)
    ]


def test_rows_not_there_yet_are_named_and_foreign_ones_set_apart(voucher_draft: VoucherDraft, profile: Profile) -> None:
    balance, revenue, _ = shown(voucher_draft)
    stray = replace(revenue, row_no=7, account="9999")
    match = matching_rows(voucher_draft, HEAD, [stray, balance], profile)
    assert match.found == (balance, None, None)
    assert (match.missing, match.strangers, match.is_exact) == ((1, 2), (stray,), False)


@pytest.mark.parametrize(
    "change",
    [
        {"account": "4001"},
        {"debit": Decimal(100), "credit": Decimal(0)},
        {"credit": Decimal("100.01")},
        {"text": "something else"},
        {"code_parts": (("B", "200"), ("C", "WEB"))},
        {"code_parts": (("C", "WEB"),)},
        {"is_automatic": True},
    ],
)
def test_a_row_that_says_something_else_is_not_ours(
    voucher_draft: VoucherDraft, profile: Profile, change: dict[str, object]
) -> None:
    rows = shown(voucher_draft)
    rows[1] = replace(rows[1], **change)  # type: ignore[arg-type]
    match = matching_rows(voucher_draft, HEAD, rows, profile)
    assert (match.missing, match.strangers) == ((1,), (rows[1],))


def test_rows_alike_are_paired_one_to_one_in_order(voucher_draft: VoucherDraft, profile: Profile) -> None:
    half = booking("4000", "-54.00", "-567.00", text="Mug")
    draft = replace(voucher_draft, rows=(voucher_draft.rows[0], half, half))
    first, second, third = shown(draft)
    assert matching_rows(draft, HEAD, [first, second], profile).missing == (2,)
    assert matching_rows(draft, HEAD, [third, second, first], profile).found == (first, second, third)
    extra = replace(third, row_no=4)
    assert matching_rows(draft, HEAD, [first, second, third, extra], profile).strangers == (extra,)


def test_code_parts_that_ifs_completed_are_no_difference_and_take_no_others_row(
    voucher_draft: VoucherDraft, profile: Profile
) -> None:
    bare = booking("4000", "-50.00", "-525.00", text="Mug")
    parted = replace(bare, code_parts=(("B", "100"),))
    draft = replace(voucher_draft, rows=(voucher_draft.rows[0], bare, parted, voucher_draft.rows[2]))
    rows = shown(draft)
    rows[1] = replace(rows[1], code_parts=(("D", "P-100"),))
    rows[2] = replace(rows[2], code_parts=(("B", "100"), ("C", "WEB")))
    assert matching_rows(draft, HEAD, list(reversed(rows)), profile).found == tuple(rows)
    assert voucher_differences(draft, HEAD, rows, profile) == ()


def test_a_voucher_as_drafted_has_no_differences(voucher_draft: VoucherDraft, profile: Profile) -> None:
    assert voucher_differences(voucher_draft, HEAD, shown(voucher_draft), profile) == ()


def test_a_voucher_dated_otherwise_carries_the_facts_day_in_its_rows(
    voucher_draft: VoucherDraft, profile: Profile
) -> None:
    moved = replace(HEAD, day=date(2026, 12, 1))
    assert voucher_differences(voucher_draft, moved, shown(voucher_draft, moved), profile) == ()
    assert len(voucher_differences(voucher_draft, moved, shown(voucher_draft), profile)) == 6


def test_automatic_tax_fails_the_read_back(voucher_draft: VoucherDraft, profile: Profile) -> None:
    rows = shown(voucher_draft)
    tax = replace(rows[2], row_no=4, is_automatic=True, credit=Decimal("8.00"))
    assert voucher_differences(voucher_draft, HEAD, [*rows, tax], profile) == (
        "row 4 (2610 credit 8.00, automatic tax) was not sent by us",
        "debit less credit is -8.00",
        "debit less credit is -84.00 in the accounting currency",
    )


def test_a_missing_row_and_an_open_balance_are_named(voucher_draft: VoucherDraft, profile: Profile) -> None:
    faults = voucher_differences(voucher_draft, HEAD, shown(voucher_draft)[:2], profile)
    assert faults[0] == "the row 2610 credit 8.00 is not there"
    assert "debit less credit is 8.00" in faults


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currency": "EUR"}, "row 1 is in EUR, not in USD"),
        ({"reference_number": ""}, "row 1 carries the reference ''"),
        ({"accounting_debit": Decimal("1134.01")}, "row 1 is 1134.01 SEK, not 1134.00"),
    ],
)
def test_what_is_wrong_with_a_row_of_ours_is_named(
    voucher_draft: VoucherDraft, profile: Profile, change: dict[str, object], said: str
) -> None:
    rows = shown(voucher_draft)
    rows[0] = replace(rows[0], **change)  # type: ignore[arg-type]
    assert said in voucher_differences(voucher_draft, HEAD, rows, profile)


def test_without_a_rate_accounting_amounts_are_ifs_own_but_must_balance(
    voucher_draft: VoucherDraft, profile: Profile
) -> None:
    draft = replace(voucher_draft, rate=None)
    rows = shown(voucher_draft)
    doubled = [
        replace(row, accounting_debit=2 * row.accounting_debit, accounting_credit=2 * row.accounting_credit)
        for row in rows
    ]
    assert voucher_differences(draft, HEAD, doubled, profile) == ()
    rows[0] = replace(rows[0], accounting_debit=Decimal("1134.01"))
    assert voucher_differences(draft, HEAD, rows, profile) == ("debit less credit is 0.01 in the accounting currency",)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            replace(HEAD, state="AwaitingApproval", is_confirmed=False),
            "it is AwaitingApproval, not Confirmed or Approved",
        ),
        (replace(HEAD, state="Cancelled", is_confirmed=False), "it is Cancelled, not Confirmed or Approved"),
        (replace(HEAD, text="BC-5001/SHIP/62"), "its text is 'BC-5001/SHIP/62', not 'BC-5001/SHIP/61'"),
    ],
)
def test_a_header_that_differs_is_named(
    voucher_draft: VoucherDraft, profile: Profile, head: VoucherHead, said: str
) -> None:
    assert voucher_differences(voucher_draft, head, shown(voucher_draft), profile) == (said,)


PROFILE = load_profile("default")
ROWS = st.lists(
    st.builds(
        booking,
        st.sampled_from(["4000", "4010"]),
        st.sampled_from(["-1.00", "1.00", "2.00"]),
        st.just("0"),
        code_parts=st.sampled_from([(), (("B", "100"),), (("B", "100"), ("C", "WEB"))]),
    ),
    max_size=6,
)


@given(rows=ROWS, data=st.data())
def test_pairing_never_uses_a_row_twice_and_finds_every_exact_one(rows: list[VoucherRow], data: st.DataObject) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    draft = VoucherDraft(KEY, 1, VoucherKind.SHIPMENT, "shipment 61", at, at.date(), "USD", tuple(rows))
    there = data.draw(st.lists(st.sampled_from(shown(draft)), unique=True)) if rows else []
    match = matching_rows(draft, HEAD, there, PROFILE)
    paired = [row for row in match.found if row is not None]
    assert len({row.row_no for row in paired}) == len(paired) == len(there)
    assert match.strangers == ()
    assert len(match.missing) == len(rows) - len(there)
