"""The external voucher file: positions, marks, exact amounts; what would break it is refused; its manifest."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.ifs.profile import Profile, load_profile
from bcifs_console.ifs.stdvou import (
    BadManifest,
    BatchEntry,
    Manifest,
    UnwritableEntry,
    manifest_of,
    read_manifest,
    render,
    safe_text,
    verify,
)
from tests.ifs.conftest import booking

DAY = date(2026, 11, 30)
MADE_AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


def with_file(profile: Profile, **changes: Any) -> Profile:
    names = replace(profile.voucher.external_file, **changes)
    return replace(profile, voucher=replace(profile.voucher, external_file=names))


def rendered(draft: VoucherDraft, profile: Profile, day: date = DAY) -> list[list[str]]:
    content = render([BatchEntry(812, draft, day)], "10", profile)
    return [line.split(profile.voucher.external_file.separator) for line in content.decode().splitlines()]


def test_the_file_is_laid_out_as_the_documented_example(voucher_draft: VoucherDraft, profile: Profile) -> None:
    content = render([BatchEntry(812, voucher_draft, DAY)], "10", profile)
    assert content.decode() == (
        "812;2026;2420;;;;;;;;;;USD;;;108;;;1134;;;;;;BC-5001/SHIP/61 Shipment 61;;;;;;;2026-11-30\r\n"
        "812;2026;4000;100;WEB;;;;;;;;USD;;;-100;;;-1050;;;;;;BC-5001/SHIP/61 Order 5001, shipment 61"
        ";;;;;;;2026-11-30\r\n"
        "812;2026;2610;;;;;;;;;;USD;;;-8;;;-84;;;;;;BC-5001/SHIP/61 Tax;;;;;;;2026-11-30\r\n"
    )


def test_the_same_entries_give_the_same_bytes_in_their_order(voucher_draft: VoucherDraft, profile: Profile) -> None:
    other = replace(voucher_draft, key="BC-5002/SHIP/1")
    entries = [BatchEntry(9, voucher_draft, DAY), BatchEntry(3, other, DAY)]
    content = render(entries, "10", profile)
    assert content == render(list(entries), "10", profile)
    assert [line.split(b";")[0] for line in content.splitlines()] == [b"9"] * 3 + [b"3"] * 3


def test_columns_marks_and_formats_are_the_profiles(voucher_draft: VoucherDraft, profile: Profile) -> None:
    columns = ("number", "company", "voucher_type", "user_group", "account", "B", "currency", "currency_amount")
    own = with_file(
        profile,
        columns=(*columns, "rate", "factor", "tax_code", "reference", "text", "date"),
        separator="\t",
        decimal_mark=",",
        date_format="%d.%m.%Y",
        text="{text}",
        line_end="\n",
        encoding="latin-1",
    )
    own = replace(own, voucher=replace(own.voucher, send_tax_code=True))
    rows = list(voucher_draft.rows)
    rows[0] = replace(rows[0], debit=Decimal("108.50"), text="Sändning ✓")
    rows[1] = replace(rows[1], credit=Decimal("100.50"))
    content = render([BatchEntry(812, replace(voucher_draft, rows=tuple(rows)), DAY)], "10", own)
    first, second, _ = content.decode("latin-1").splitlines()
    assert first.split("\t") == [
        *("812", "10", "M", "AC", "2420", "", "USD", "108,5", "10,5", "1", "", "BC-5001/SHIP/61"),
        *("Sändning ?", "30.11.2026"),
    ]
    assert second.split("\t")[10] == "TX8"
    assert b"\r" not in content


def test_without_a_rate_the_accounting_amount_is_left_to_ifs(voucher_draft: VoucherDraft, profile: Profile) -> None:
    assert {row[18] for row in rendered(replace(voucher_draft, rate=None), profile)} == {""}


def test_a_voucher_dated_otherwise_says_the_facts_day(voucher_draft: VoucherDraft, profile: Profile) -> None:
    long = replace(voucher_draft.rows[0], text="word " * 80)
    draft = replace(voucher_draft, rows=(long, *voucher_draft.rows[1:]))
    first, second, _ = rendered(draft, profile, date(2027, 1, 4))
    assert (first[1], first[31]) == ("2027", "2027-01-04")
    assert second[24] == "BC-5001/SHIP/61 Order 5001, shipment 61 (2026-11-30)"
    assert len(first[24]) == 200
    assert first[24].endswith("… (2026-11-30)")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;b", "a b"),
        ("a\r\n999;2026;1910", "a 999 2026 1910"),
        ("tab\tnul\x00bell\x07", "tab nul bell"),
        ("line\u2028para\u2029next\x85", "line para next"),
        ("right\u202eleft\ufeff", "right left"),
        ('he said "no"', "he said 'no'"),
        ("=1+1", "'=1+1"),
        ("+46", "'+46"),
        ("-5", "'-5"),
        ("@SUM", "'@SUM"),
        ("  \t=1", "'=1"),
        (";=1", "'=1"),
        ("plain - text", "plain - text"),
        ("", ""),
    ],
)
def test_texts_stay_one_cell_and_no_formula(
    voucher_draft: VoucherDraft, profile: Profile, text: str, safe: str
) -> None:
    assert safe_text(text, ";") == safe
    row = replace(voucher_draft.rows[0], text=text or " ")
    draft = replace(voucher_draft, text="", rows=(row, *voucher_draft.rows[1:]))
    lines = rendered(draft, with_file(profile, text="{text}"))
    assert [len(line) for line in lines] == [32, 32, 32]
    assert lines[0][24] == safe


@pytest.mark.parametrize(
    "change",
    [
        {"account": "24;20"},
        {"account": "2420\n"},
        {"account": "=2420"},
        {"account": ' "2420'},
        {"account": "2420 "},
        {"code_parts": (("B", "@x"),)},
        {"code_parts": (("J", "a\u2028b"),)},
    ],
)
def test_a_code_that_would_break_the_file_is_refused_not_altered(
    voucher_draft: VoucherDraft, profile: Profile, change: dict[str, Any]
) -> None:
    rows = (replace(voucher_draft.rows[0], **change), *voucher_draft.rows[1:])
    with pytest.raises(UnwritableEntry, match="cannot stand in a text file"):
        rendered(replace(voucher_draft, rows=rows), profile)


def test_a_code_that_the_encoding_lacks_is_refused_not_altered(voucher_draft: VoucherDraft, profile: Profile) -> None:
    rows = (replace(voucher_draft.rows[0], account="24✓"), *voucher_draft.rows[1:])
    with pytest.raises(UnwritableEntry, match="24✓"):
        rendered(replace(voucher_draft, rows=rows), with_file(profile, encoding="latin-1"))


def test_a_key_that_would_break_the_file_is_refused(voucher_draft: VoucherDraft, profile: Profile) -> None:
    with pytest.raises(UnwritableEntry):
        rendered(replace(voucher_draft, key="=BC;1"), profile)


def test_what_is_off_balance_in_either_currency_or_empty_is_refused(
    voucher_draft: VoucherDraft, profile: Profile
) -> None:
    currency = booking("2610", "-8.01", "-84.00")
    accounting = booking("2610", "-8.00", "-84.01")
    for last in (currency, accounting):
        with pytest.raises(UnwritableEntry, match=r"off balance by -0\.01"):
            rendered(replace(voucher_draft, rows=(*voucher_draft.rows[:2], last)), profile)
    with pytest.raises(UnwritableEntry, match="no rows"):
        rendered(replace(voucher_draft, rows=()), profile)


def test_a_voucher_or_number_twice_in_a_batch_is_refused(voucher_draft: VoucherDraft, profile: Profile) -> None:
    other = replace(voucher_draft, key="BC-5002/SHIP/1")
    for twice in ([(1, voucher_draft), (2, voucher_draft)], [(1, voucher_draft), (1, other)]):
        with pytest.raises(UnwritableEntry, match="stands twice"):
            render([BatchEntry(number, draft, DAY) for number, draft in twice], "10", profile)


# the manifest


def manifest(draft: VoucherDraft, profile: Profile) -> tuple[Manifest, bytes]:
    entries = [BatchEntry(812, draft, DAY)]
    content = render(entries, "10", profile)
    return manifest_of("B-17", entries, content, company="10", profile=profile, made_at=MADE_AT), content


def test_the_manifest_states_the_file_and_its_vouchers(voucher_draft: VoucherDraft, profile: Profile) -> None:
    made, content = manifest(voucher_draft, profile)
    (entry,) = made.entries
    assert (made.batch, made.size, made.company, made.voucher_type) == ("B-17", len(content), "10", "M")
    assert made.made_at == "2026-12-01T06:00:00+00:00"
    assert (entry.key, entry.number, entry.day, entry.rows) == ("BC-5001/SHIP/61", 812, "2026-11-30", 3)
    assert (entry.debit_total, entry.currency) == ("108", "USD")
    assert made.keys == {"BC-5001/SHIP/61"}
    assert read_manifest(made.to_json()) == made
    assert verify(made, content) == ()


def test_a_file_changed_by_one_byte_is_told(voucher_draft: VoucherDraft, profile: Profile) -> None:
    made, content = manifest(voucher_draft, profile)
    assert verify(made, content.replace(b"-100;", b"-900;")) == ("its SHA-256 is another",)
    assert len(verify(made, content[:-1])) == 2


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"entries": 1}', b'{"entries": [], "batch": "x"}', b"\xff", b'{"entries": [{}]}']
)
def test_what_is_no_manifest_is_told(document: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(document)


def test_a_manifest_of_another_version_is_not_guessed_at(voucher_draft: VoucherDraft, profile: Profile) -> None:
    made, _ = manifest(voucher_draft, profile)
    with pytest.raises(BadManifest, match="STDVOU 2"):
        read_manifest(replace(made, version=2).to_json())


# the profile


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('columns = ["number", "date", "account", "currency", "currency_amount"]', "columns lacks text"),
        ('columns = ["number", "wat"]', "columns knows no wat"),
        ('text = "{text}"', "key must stand in the text"),
        ('text = "{other}"', "text"),
        ('separator = "x"', "separator"),
        ('separator = ","\ndecimal_mark = ","', "separator and decimal_mark are the same"),
        ('date_format = "%Y;%m"', "date_format"),
        ('encoding = "nonsense"', "no text encoding"),
        ('line_end = "x"', "line_end"),
    ],
)
def test_a_layout_that_cannot_work_is_refused_with_the_profile(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f"[voucher.external_file]\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationProblem, match=said):
        load_profile(str(path))
