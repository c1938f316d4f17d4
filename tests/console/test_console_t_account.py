"""T-accounts as lines: sides, alignment at the decimal point, rules, balances, hostile words, squeezed widths."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.cells import cell_len

from bcifs_console.console.widgets.lines import aligned, amount_text, figure, fit, paragraph, wrapped
from bcifs_console.console.widgets.t_account import Entry, TAccount, of_accounts, of_voucher, t_account_lines
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import VoucherDraft, VoucherKind, VoucherRow

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def row(purpose: Purpose, account: str, debit: str = "0", credit: str = "0") -> VoucherRow:
    return VoucherRow(purpose, account, Decimal(debit), Decimal(credit))


def voucher(key: str, *rows: VoucherRow, currency: str = "USD") -> VoucherDraft:
    return VoucherDraft(key, 5001, VoucherKind.SHIPMENT, "shipment 61", NOON, date(2026, 12, 1), currency, rows)


SHIPPED = voucher(
    "BC-5001/SHIP/61",
    row(Purpose.CUSTOMER_BALANCE, "2420", debit="1239.46"),
    row(Purpose.REVENUE, "4000", credit="1136"),
    row(Purpose.TAX_ACCOUNT, "2610", credit="94.46"),
    row(Purpose.SHIPPING_INCOME, "4100", credit="9"),
)
PAID = voucher(
    "BC-5001/PAY/44",
    row(Purpose.CLEARING, "1580", debit="1239.46"),
    row(Purpose.CUSTOMER_BALANCE, "2420", credit="1239.46"),
)


def text(lines: Sequence[object]) -> list[str]:
    return [str(getattr(each, "plain", each)) for each in lines]


def test_debits_stand_left_credits_right_and_both_sides_come_to_the_same() -> None:
    assert text(t_account_lines(of_voucher(SHIPPED), 73)) == [
        " Debit                                                            Credit ",
        "────────────────────────────────────┬────────────────────────────────────",
        " 2420 customer balance     1,239.46 │ 4000 revenue              1,136.00 ",
        "                                    │ 2610 tax account             94.46 ",
        "                                    │ 4100 shipping income          9.00 ",
        "                           ──────── │                           ──────── ",
        "                           1,239.46 │                           1,239.46 ",
        "                           ════════ │                           ════════ ",
    ]


@pytest.mark.parametrize("width", [40, 53, 73, 120])
def test_decimal_points_stand_under_each_other_at_every_width(width: int) -> None:
    lines = text(t_account_lines(of_voucher(SHIPPED), width))
    right = [line[width // 2 + 1 :] for line in lines if line.count(".") and "│" in line]
    points = {line.rindex(".") for line in right}
    assert len(points) == 1
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "1,200"), ("KWD", "1,200.000"), ("USD", "1,200.00")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, shown: str) -> None:
    made = voucher("BC-1/PAY/1", row(Purpose.CLEARING, "1580", debit="1200"), currency=currency)
    assert any(line.rstrip().endswith(f"{shown} │") for line in text(t_account_lines(of_voucher(made), 80)))


def test_an_amount_with_more_decimals_than_its_currency_is_shown_whole() -> None:
    assert aligned([amount_text(Decimal("1.2345"), 2), amount_text(Decimal(7), 2)]) == ["1.2345", "7.00  "]


def test_a_voucher_that_does_not_balance_says_by_how_much() -> None:
    torn = voucher("X", row(Purpose.CLEARING, "1580", debit="10"), row(Purpose.CUSTOMER_BALANCE, "2420", credit="9.95"))
    assert text(t_account_lines(of_voucher(torn), 60))[-1] == " off by 0.05 USD"


def test_a_voucher_without_rows_says_that_there_is_nothing_to_post() -> None:
    assert "nothing to post" in text(t_account_lines(of_voucher(voucher("BC-1/CLOSE")), 60))[-1]


def test_accounts_gather_what_all_vouchers_do_and_end_with_their_balance() -> None:
    accounts = dict(of_accounts([PAID, SHIPPED]))
    assert list(accounts) == [
        "1580 clearing", "2420 customer balance", "2610 tax account", "4000 revenue", "4100 shipping income",
    ]  # fmt: skip
    even = accounts["2420 customer balance"]
    assert even.debits == (Entry("SHIP/61", "", Decimal("1239.46")),)
    assert even.credits == (Entry("PAY/44", "", Decimal("1239.46")),)
    assert text(t_account_lines(even, 61))[-1] == " balance                 0.00 │" + " " * 30
    tax = text(t_account_lines(accounts["2610 tax account"], 61))[-1]
    assert tax.split("│")[0].strip() == ""  # a credit balance stands on the credit side
    assert tax.split("│")[1].split() == ["balance", "94.46"]


def test_a_number_is_never_cut_and_a_name_ends_in_an_ellipsis() -> None:
    entry = Entry("1580", "clearing of card payments", Decimal("123456789012345678.90"))
    huge = TAccount((entry,), (), "USD", ends_even=False)
    lines = text(t_account_lines(huge, 40))
    assert any("####" in line for line in lines)
    assert not any("123,456" in line for line in lines)
    small = TAccount((Entry("1580", "clearing of card payments in euros", Decimal("1.00")),), (), "USD")
    assert any("…" in line and "1.00" in line for line in text(t_account_lines(small, 40)))


def test_hostile_account_names_are_harmless() -> None:
    made = voucher("k\x1b]52;c;x\x07", row(Purpose.CLEARING, "\x1b[31m1580[/b]", debit="1"))
    shown = "\n".join(text(t_account_lines(of_voucher(made), 80)))
    assert "\x1b" not in shown
    assert "\\x1b[31m1580[/b]" in shown


def test_words_are_wrapped_by_cells_and_nothing_is_lost() -> None:
    assert wrapped("seven words and one thatisfartoolong", 10) == ["seven", "words and", "one", "thatisfart", "oolong"]
    assert all(cell_len(line) <= 10 for line in wrapped("全角の文字は二つの幅を取る", 10))
    assert "".join(wrapped("全角の文字は二つの幅を取る", 10)) == "全角の文字は二つの幅を取る"
    assert text(paragraph("one two three", 12, lead=" ! ")) == [" ! one two", "   three"]
    assert wrapped("", 10) == []


def test_text_is_cut_with_an_ellipsis_and_numbers_become_hashes() -> None:
    assert fit("Acme Industrial Ltd", 8) == "Acme In…"
    assert fit("ab", 4, "right") == "  ab"
    assert fit("\x1bab", 3) == "\\x…"
    assert figure("1,204.00", 5) == "#####"
    assert figure("1.00", 6) == "  1.00"
