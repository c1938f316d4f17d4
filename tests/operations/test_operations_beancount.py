"""The beancount file is what an independent program accepts, to the last cent and whatever a text contains."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from hypothesis import given, settings
from hypothesis import strategies as st

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.rules import ACCOUNT_PURPOSES, Purpose
from bcifs_console.domain.vouchers import VoucherDraft, VoucherKind, VoucherRow
from bcifs_console.operations.beancount import Transaction, account_name, beancount_text

DAY = date(2026, 12, 1)
BEAN_CHECK = Path(sys.executable).parent / "bean-check"
HOSTILE = 'A "quote", a \\ and\nnew line\t; * 2026-12-01 open Assets:Evil \x1b[31m\u202e ^link #tag {1 USD} Ω🙂'


def row(purpose: Purpose, account: str, amount: str, **changes: Any) -> VoucherRow:
    value = Decimal(amount)
    return VoucherRow(purpose, account, max(value, Decimal(0)), max(-value, Decimal(0)), **changes)


def pay(amount: str = "69.84", **changes: Any) -> tuple[VoucherRow, ...]:
    return (
        row(Purpose.CLEARING, "1580", amount, **changes),
        row(Purpose.CUSTOMER_BALANCE, "2420", f"-{amount}", **changes),
    )


def transaction(*rows: VoucherRow, key: str = "BC-5001/PAY/44", day: date = DAY, **changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "key": key,
        "order_id": 5001,
        "voucher_kind": VoucherKind.PAYMENT,
        "fact": "tender 44",
        "at": datetime(2026, 12, 1, 12, tzinfo=UTC),
        "day": DAY,
        "currency": "USD",
        "rows": rows or pay(),
    }
    return Transaction("acme-us", day, "M-2026-17", VoucherDraft(**(values | changes)))


def read(text: str) -> tuple[list[data.Open], list[data.Transaction]]:
    """What beancount makes of a file that it must accept as it is."""
    entries, problems, _ = loader.load_string(text)
    assert problems == []
    opens = [e for e in entries if isinstance(e, data.Open)]
    return opens, [e for e in entries if isinstance(e, data.Transaction)]


def units(posting: data.Posting) -> tuple[Decimal, str]:
    """The amount of a posting, which must be there: nothing is left to beancount to fill in."""
    found = posting.units
    assert found is not None
    assert isinstance(found.number, Decimal)
    return found.number, found.currency


def totals(transactions: list[data.Transaction]) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for found in transactions:
        for posting in found.postings:
            place = posting.account, units(posting)[1]
            sums[place] = sums.get(place, Decimal(0)) + units(posting)[0]
    return sums


def test_a_voucher_is_one_transaction_with_its_link_and_what_it_is_about() -> None:
    opens, (found,) = read(beancount_text("books", [transaction()]))
    assert (found.date, found.flag, found.payee, found.narration) == (DAY, "*", "BC-5001/PAY/44", "tender 44")
    assert found.links == {"BC-5001"}
    said = {name: found.meta[name] for name in ("order", "document", "ifs", "connection")}
    assert said == {"order": "5001", "document": "BC-5001/PAY/44", "ifs": "M-2026-17", "connection": "acme-us"}
    assert totals([found]) == {
        ("Assets:Clearing:1580", "USD"): Decimal("69.84"),
        ("Liabilities:CustomerBalance:2420", "USD"): Decimal("-69.84"),
    }
    assert {(o.account, o.meta["gl"]) for o in opens} == {
        ("Assets:Clearing:1580", "1580"),
        ("Liabilities:CustomerBalance:2420", "2420"),
    }


def test_every_purpose_of_an_account_has_a_place_of_its_own() -> None:
    roots = {purpose: account_name(row(purpose, "1", "1")).rsplit(":", 1)[0] for purpose in ACCOUNT_PURPOSES}
    assert len(set(roots.values())) == len(ACCOUNT_PURPOSES)
    assert roots[Purpose.CUSTOMER_BALANCE] == "Liabilities:CustomerBalance"
    assert roots[Purpose.CLEARING].startswith("Assets:")
    by_root = {purpose: root.split(":")[0] for purpose, root in roots.items()}
    assert {p for p, root in by_root.items() if root == "Expenses"} == {Purpose.GOODWILL, Purpose.ROUNDING}
    assert {p for p, root in by_root.items() if root == "Income"} == {
        Purpose.REVENUE,
        Purpose.RETURNS,
        Purpose.SHIPPING_INCOME,
        Purpose.HANDLING_INCOME,
        Purpose.WRAPPING_INCOME,
        Purpose.FEE_INCOME,
        Purpose.RETAINED_INCOME,
    }
    with pytest.raises(ConfigurationProblem):
        account_name(row(Purpose.SHIP_VIA, "1", "1"))


def test_an_account_is_opened_on_the_first_day_that_uses_it() -> None:
    later = transaction(key="BC-5001/PAY/45", day=date(2026, 12, 9))
    opens, _ = read(beancount_text("books", [later, transaction(day=date(2026, 11, 30))]))
    assert {opened.date for opened in opens} == {date(2026, 11, 30)}


def test_equal_vouchers_both_count() -> None:
    _, found = read(beancount_text("books", [transaction(), transaction()]))
    assert totals(found)["Assets:Clearing:1580", "USD"] == Decimal("139.68")


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "5524"), ("KWD", "12.345"), ("CLF", "0.0001"), ("USD", "99999999999999.99")]
)
def test_amounts_are_exact_in_currencies_of_any_digits(currency: str, amount: str) -> None:
    _, (found,) = read(beancount_text("books", [transaction(*pay(amount), currency=currency)]))
    assert [units(posting) for posting in found.postings] == [(Decimal(amount), currency), (-Decimal(amount), currency)]


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    rows = pay(text=HOSTILE, tax_code=HOSTILE, code_parts=(("B", HOSTILE), ("J", "x")))
    hostile = transaction(*rows, fact=HOSTILE, text=HOSTILE, key=f"{HOSTILE}/PAY/1")
    text = beancount_text(HOSTILE, [hostile])
    opens, (found,) = read(text)
    assert len(opens) == 2
    assert found.narration is not None
    assert '"quote"' in found.narration
    assert "\\" in found.narration
    assert "Ω🙂" in found.narration
    for forbidden in ("\x1b", "\u202e", "\n"):
        assert forbidden not in found.narration
    assert found.tags == frozenset()
    assert checked(tmp_path, text) == (0, "")


def checked(folder: Path, text: str) -> tuple[int, str]:
    """What `bean-check` says of the file."""
    path = folder / "books.beancount"
    path.write_text(text, encoding="utf-8")
    ran = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stderr


def test_bean_check_is_the_judge(tmp_path: Path) -> None:
    good = beancount_text("books", [transaction()])
    assert checked(tmp_path, good) == (0, "")
    unbalanced = beancount_text("books", [transaction(*pay()[:1])])
    assert checked(tmp_path, unbalanced)[0] == 1


def test_an_empty_ledger_is_a_file_that_passes(tmp_path: Path) -> None:
    assert checked(tmp_path, beancount_text("books", [])) == (0, "")


def test_a_life_that_ends_in_nothing_leaves_the_customer_balance_at_zero() -> None:
    """Paid, half of it shipped, the rest refunded: the account's own balance assertion must hold."""
    shipped = (
        row(Purpose.CUSTOMER_BALANCE, "2420", "40.00"),
        row(Purpose.REVENUE, "4000", "-33.33"),
        row(Purpose.TAX_ACCOUNT, "2610", "-6.67"),
    )
    refunded = row(Purpose.CUSTOMER_BALANCE, "2420", "29.84"), row(Purpose.CLEARING, "1580", "-29.84")
    text = beancount_text(
        "books",
        [
            transaction(),
            transaction(*shipped, key="BC-5001/SHIP/61", day=date(2026, 12, 2)),
            transaction(*refunded, key="BC-5001/REFUND/9", day=date(2026, 12, 3)),
        ],
    )
    read(text + "\n2026-12-04 balance Liabilities:CustomerBalance:2420  0.00 USD\n")
    wrong = text + "\n2026-12-04 balance Liabilities:CustomerBalance:2420  0.10 USD\n"
    assert loader.load_string(wrong)[1] != []


def test_a_voucher_booked_on_another_day_says_so() -> None:
    _, (found,) = read(beancount_text("books", [transaction(day=date(2027, 1, 1))]))
    assert (found.date, found.meta["fact-date"]) == (date(2027, 1, 1), "2026-12-01")


def test_a_currency_that_beancount_cannot_name_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigurationProblem) as caught:
        beancount_text("books", [transaction(currency="usd")])
    assert "BC-5001/PAY/44" in caught.value.message
    assert "csv" in caught.value.remedy


@settings(deadline=None, max_examples=60)
@given(accounts=st.lists(st.text(max_size=12), min_size=1, max_size=6, unique=True))
def test_accounts_of_any_name_are_valid_and_never_become_one(accounts: list[str]) -> None:
    names = {account_name(row(Purpose.REVENUE, account, "1")) for account in accounts}
    assert len(names) == len(accounts)
    rows = [row(Purpose.REVENUE, account, "1") for account in accounts]
    rows.append(row(Purpose.CUSTOMER_BALANCE, "2420", f"-{len(accounts)}"))
    opens, _ = read(beancount_text("books", [transaction(*rows)]))
    assert {opened.account for opened in opens} == names | {"Liabilities:CustomerBalance:2420"}


def test_accounts_that_are_written_alike_stay_apart() -> None:
    accounts = ["2420", "24-20", "24.20", "24 20", "a1", "Xa1", "X.1", ".1", "-1", "", "Ä1", "24-2E-20", "X-x2E-1"]
    names = [account_name(row(Purpose.REVENUE, account, "1")) for account in accounts]
    assert len(set(names)) == len(accounts)
    assert names[0] == "Income:Revenue:2420"


@settings(deadline=None, max_examples=40)
@given(text=st.text(max_size=40))
def test_any_text_at_all_can_stand_in_a_voucher(text: str) -> None:
    _, (found,) = read(beancount_text(text, [transaction(*pay(text=text), fact=text, key=f"{text}x/PAY/1")]))
    assert len(found.postings) == 2
