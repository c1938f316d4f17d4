"""When a draft that IFS refused half-way may be replaced: only where what stands in IFS stays as it is."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import (
    ChargeDraft,
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    LedgerPart,
    LineDraft,
    PartState,
    TaxTreatment,
)
from bcifs_console.domain.orders import ChargeKind
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Rate, Take, TakeKind, VoucherDraft, VoucherKind, VoucherRow
from bcifs_console.sync.redraft import is_built_upon, merged, merged_voucher, nothing_in_ifs, was_refused
from tests.conftest import NOON

NET = Decimal(10)


def line(number: int, **more: Any) -> LineDraft:
    made = LineDraft(number, f"PART-{number}", "", Decimal(1), NET, NET, NET, NET, TaxTreatment(), account="4999")
    return replace(made, **more)


FREIGHT = ChargeDraft(1, ChargeKind.SHIPPING, "FREIGHT", NET, NET, TaxTreatment())
OLD = CustomerOrderDraft(
    key="BC-1",
    order_id=1,
    customer_id="C1",
    contract="100",
    currency="USD",
    placed_at=NOON,
    price_includes_tax=False,
    lines=(line(17), line(18)),
    charges=(FREIGHT,),
    total_inc_tax=Decimal(30),
    total_tax=Decimal(0),
    ship_to=None,
    fact_hash="facts",
)
#: Header and the first line stand; its pre-posting was refused (a closed account), the rest was never sent.
REFUSED = {"header": "confirmed", "line:17": "confirmed", "pre_posting:17": "failed"}


def document(parts: dict[str, str]) -> LedgerDocument:
    return LedgerDocument(
        id=1,
        connection_id=1,
        subject="order:1",
        key="BC-1",
        kind=DocumentKind.CUSTOMER_ORDER,
        state=DocumentState.SENT,
        fact_hash="facts",
        amount=Decimal(30),
        currency="USD",
        reference="P1",
        etag="",
        draft="",
        created_at=NOON,
        parts=tuple(LedgerPart(name, i, PartState(state)) for i, (name, state) in enumerate(parts.items())),
    )


def other_account(account: str = "4000") -> CustomerOrderDraft:
    return replace(OLD, lines=tuple(replace(each, account=account) for each in OLD.lines))


def test_another_account_replaces_the_refused_one() -> None:
    assert merged(OLD, other_account(), document(REFUSED)) == other_account()


def test_the_account_of_a_line_that_has_its_pre_posting_stays() -> None:
    parts = {**REFUSED, "pre_posting:17": "confirmed", "line:18": "confirmed", "pre_posting:18": "failed"}
    assert merged(OLD, other_account(), document(parts)) is None
    only_second = replace(OLD, lines=(OLD.lines[0], replace(OLD.lines[1], account="4000")))
    assert merged(OLD, only_second, document(parts)) == only_second


@pytest.mark.parametrize("state", ["sent", "unknown", "confirmed"])
def test_code_parts_of_what_may_stand_stay(state: str) -> None:
    changed = replace(OLD, lines=(replace(OLD.lines[0], code_parts=(("B", "WEB"),)), OLD.lines[1]))
    assert merged(OLD, changed, document({**REFUSED, "pre_posting:17": state, "line:18": "failed"})) is None


@pytest.mark.parametrize("state", ["intended", "failed"])
def test_another_part_or_charge_replaces_what_was_refused(state: str) -> None:
    parts = {"header": "confirmed", "line:17": "confirmed", "pre_posting:17": "confirmed", "line:18": state}
    mapped = replace(OLD, lines=(OLD.lines[0], line(18, catalog_no="OTHER")))
    assert merged(OLD, mapped, document(parts)) == mapped
    charged = replace(OLD, charges=(replace(FREIGHT, charge_type="PORTO"),))
    assert merged(OLD, charged, document({**parts, "charge:FREIGHT#1": state})) == charged


@pytest.mark.parametrize("state", ["sent", "unknown", "confirmed"])
def test_what_stands_or_may_stand_in_ifs_is_never_changed(state: str) -> None:
    parts = {**REFUSED, "line:18": state, "charge:FREIGHT#1": state}
    assert merged(OLD, replace(OLD, lines=(OLD.lines[0], line(18, catalog_no="OTHER"))), document(parts)) is None
    assert merged(OLD, replace(OLD, charges=(replace(FREIGHT, inc_tax=NET + 1),)), document(parts)) is None
    assert merged(OLD, replace(OLD, charges=()), document(parts)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"fact_hash": "edited"},
        {"customer_id": "C2"},
        {"contract": "200"},
        {"currency": "EUR"},
        {"price_includes_tax": True},
        {"total_inc_tax": Decimal(31)},
        {"lines": (line(17), line(18), line(19))},
        {"lines": (line(17),)},
        {"lines": (line(18), line(17))},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_money_and_whose_it_is_never_change(changed: dict[str, Any]) -> None:
    assert merged(OLD, replace(other_account(), **changed), document(REFUSED)) is None


def test_the_same_draft_is_no_replacement() -> None:
    assert merged(OLD, replace(OLD), document(REFUSED)) is None


@pytest.mark.parametrize(
    ("parts", "nothing", "refused"),
    [
        ({}, True, False),
        ({"header": "intended"}, True, False),
        ({"header": "failed"}, True, True),
        ({"header": "sent"}, False, False),
        ({"header": "unknown"}, False, False),
        (REFUSED, False, True),
        ({"header": "confirmed", "line:17": "unknown"}, False, False),
    ],
)
def test_what_the_ledger_says_of_a_document(parts: dict[str, str], nothing: bool, refused: bool) -> None:
    assert nothing_in_ifs(document(parts)) is nothing
    assert was_refused(document(parts)) is refused


# -- vouchers ---------------------------------------------------------------------------------------------------------


def row(purpose: Purpose, account: str, amount: int, subject: str, **more: Any) -> VoucherRow:
    debit, credit = max(amount, 0), max(-amount, 0)
    made = VoucherRow(purpose, account, Decimal(debit), Decimal(credit), subject=subject)
    return replace(made, **{"accounting_debit": made.debit, "accounting_credit": made.credit, **more})


BALANCE = row(Purpose.CUSTOMER_BALANCE, "2420", 30, "order")
VOUCHER = VoucherDraft(
    key="BC-1/SHIP/61",
    order_id=1,
    voucher_kind=VoucherKind.SHIPMENT,
    fact="shipment 61",
    at=NOON,
    day=date(2026, 11, 20),
    currency="USD",
    rows=(
        BALANCE,
        row(Purpose.RETURNS, "4900", -10, "line:17"),
        row(Purpose.RETURNS, "9999", -20, "line:18"),
    ),
    takes=(Take(TakeKind.RECOGNISE, "line:17", 1, Decimal(10)),),
)


def voucher(parts: dict[str, str], draft: VoucherDraft = VOUCHER, **more: Any) -> LedgerDocument:
    made = replace(document(parts), kind=DocumentKind.VOUCHER, key=draft.key, draft=encode(draft))
    return replace(made, **more)


def accounts(draft: VoucherDraft | None) -> list[str]:
    assert draft is not None
    return [row.account for row in draft.rows]


HALF = {"header": "confirmed", "row:1": "confirmed", "row:2": "confirmed", "row:3": "failed"}


def test_a_refused_row_gets_the_account_of_now_even_where_both_rows_would_be_one() -> None:
    joined = replace(VOUCHER, rows=(BALANCE, row(Purpose.RETURNS, "4900", -30, "line:17, line:18")))
    assert accounts(merged_voucher(VOUCHER, joined, voucher(HALF))) == ["2420", "4900", "4900"]


def test_what_ifs_has_of_a_voucher_and_every_amount_stay_as_frozen() -> None:
    changed = replace(
        VOUCHER,
        rows=(
            replace(BALANCE, account="2421", accounting_debit=Decimal("32.61")),
            row(Purpose.RETURNS, "4901", -10, "line:17"),
            row(Purpose.RETURNS, "4902", -20, "line:18", accounting_credit=Decimal("21.74")),
        ),
    )
    found = merged_voucher(VOUCHER, changed, voucher(HALF))
    assert accounts(found) == ["2420", "4900", "4902"]
    assert found is not None
    assert [row.accounting_amount for row in found.rows] == [row.accounting_amount for row in VOUCHER.rows]


def test_a_row_whose_account_would_be_two_stays() -> None:
    old = replace(VOUCHER, rows=(BALANCE, row(Purpose.RETURNS, "9999", -30, "line:17, line:18")))
    assert merged_voucher(old, VOUCHER, voucher({"header": "confirmed", "row:2": "failed"}, old)) is None


def test_of_two_tax_codes_each_row_keeps_its_own() -> None:
    taxes = [row(Purpose.TAX_ACCOUNT, "9999", -15, "line:17", tax_code=code) for code in ("A", "B")]
    old = replace(VOUCHER, rows=(BALANCE, *taxes))
    now = replace(old, rows=(BALANCE, replace(taxes[0], account="2610"), replace(taxes[1], account="2611")))
    assert accounts(merged_voucher(old, now, voucher({"header": "confirmed"}, old))) == ["2420", "2610", "2611"]


def test_other_facts_replace_no_voucher() -> None:
    other = replace(VOUCHER, takes=(), rows=(replace(BALANCE, account="1"), *VOUCHER.rows[1:]))
    assert merged_voucher(VOUCHER, other, voucher({"header": "confirmed"})) is None


@pytest.mark.parametrize(
    ("rate", "later", "built"),
    [
        (Rate(Decimal("1.087"), "USD"), {"header": "confirmed"}, True),
        (Rate(Decimal("1.087"), "USD"), {"header": "failed"}, False),
        (Rate(Decimal(1), "EUR"), {"header": "confirmed"}, False),
        (None, {"header": "confirmed"}, False),
    ],
)
def test_only_in_another_currency_a_voucher_is_built_upon(
    rate: Rate | None, later: dict[str, str], built: bool
) -> None:
    draft = replace(VOUCHER, rate=rate, currency="EUR")
    first = voucher({"header": "failed"}, draft)
    second = voucher(later, replace(draft, key="BC-1/SHIP/62"), id=2)
    assert is_built_upon(first, Ledger((first, second))) is built
    assert not is_built_upon(second, Ledger((first, second)))


def test_a_later_voucher_in_a_batch_is_built_upon_too() -> None:
    draft = replace(VOUCHER, rate=Rate(Decimal("1.087"), "USD"), currency="EUR")
    first, second = voucher({}, draft), voucher({}, replace(draft, key="BC-1/SHIP/62"), id=2, batch=7)
    assert is_built_upon(first, Ledger((first, second)))
