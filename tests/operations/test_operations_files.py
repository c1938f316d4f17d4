"""Files for other programs: whole or not at all, and no cell that a spreadsheet carries out. Keys of vouchers."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.vouchers import VoucherKind
from bcifs_console.operations.files import csv_text, write_whole
from bcifs_console.operations.voucher_keys import VoucherKey, order_of_reference, parse_key


def test_a_file_is_written_over_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old and longer than the new one")
    write_whole(path, "new\r\nÄ")
    assert path.read_bytes() == "new\r\nÄ".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def broken(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bcifs_console.operations.files.os.fsync", broken)
    with pytest.raises(UsageProblem) as caught:
        write_whole(path, "new")
    assert "No space left" in caught.value.message
    assert caught.value.remedy
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/out.csv", "."])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        write_whole(tmp_path / place, "new")
    assert str(tmp_path / place) in caught.value.message
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize("lead", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "＝1", "－1"])
def test_a_text_that_starts_a_formula_is_disarmed(lead: str) -> None:
    _, (cell,) = csv.reader(io.StringIO(csv_text(("a",), [(lead,)]), newline=""))
    assert cell == f"'{lead}"


def test_numbers_stay_numbers_and_nothing_is_empty() -> None:
    text = csv_text(("a", "b", "c", "d"), [(Decimal("-0.10"), -3, None, 'say "hi", twice')])
    assert text == 'a,b,c,d\r\n-0.10,-3,,"say ""hi"", twice"\r\n'
    assert csv_text(("a",), [(Decimal("1E+3"),)]) == "a\r\n1000\r\n"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("BC-5001/PAY/44", VoucherKey("BC-5001", VoucherKind.PAYMENT, "44")),
        ("BC-5001/SHIP/61", VoucherKey("BC-5001", VoucherKind.SHIPMENT, "61")),
        ("BC-5001/SHIP/STATUS/1", VoucherKey("BC-5001", VoucherKind.SHIPMENT, "STATUS/1")),
        ("BC-5001/SHIP/61/REV", VoucherKey("BC-5001", VoucherKind.REVERSAL, "61")),
        ("BC-5001/CLOSE", VoucherKey("BC-5001", VoucherKind.CLOSE)),
        ("US/2026/5001/REFUND/9", VoucherKey("US/2026/5001", VoucherKind.REFUND, "9")),
        ("X/PAY/5001/VOID/7", VoucherKey("X/PAY/5001", VoucherKind.VOID, "7")),
        ("BC-5001", None),
        ("BC-5001/PAYROLL", None),
        ("/PAY/1", None),
        ("", None),
        ("Rent for December", None),
    ],
)
def test_a_key_says_which_order_and_what(key: str, parts: VoucherKey | None) -> None:
    assert parse_key(key) == parts


@pytest.mark.parametrize(
    ("pattern", "reference", "order_id"),
    [
        ("BC-{order_id}", "BC-5001", 5001),
        ("BC-{order_id}", "BC-EU-5001", None),
        ("BC-{order_id}", "BC-5001x", None),
        ("{order_id} (US)", "5001 (US)", 5001),
        ("B.C-{order_id}", "BxC-5001", None),
        ("BC-{order_id}", "BC-", None),
    ],
)
def test_a_reference_is_ours_only_if_it_is_exactly_the_pattern(
    pattern: str, reference: str, order_id: int | None
) -> None:
    assert order_of_reference(pattern, reference) == order_id
