"""Batches of vouchers as text files for the External Voucher assistant (STDVOU, facts §6), and their manifests.

Pure: bytes and JSON are made here, `outbox.py` writes them. The same entries give the same bytes. One amount column,
credit negative; positions, marks and formats come from the profile's `[voucher.external_file]`.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs import voucher_payloads
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.voucher_names import ExternalFileNames
from bcifs_console.ifs.wire import number_text

FORMAT: Final = "STDVOU"
_MANIFEST_VERSION: Final = 1
#: A spreadsheet takes a text that begins with one of these for a formula.
_FORMULA_LEADS: Final = ("=", "+", "-", "@")
#: Categories of characters that end or break a line, or show nothing: control, format, line and paragraph separator,
#: halves of a character.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


class UnwritableEntry(Problem):
    """A voucher that cannot stand in the file as it should: out of balance, twice in it, or with a value that would
    break the file."""

    kind = ProblemKind.BUSINESS


class BadManifest(Problem):
    """The text is no manifest of ours."""

    kind = ProblemKind.CONFIGURATION


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One voucher of a batch. `number` groups its rows in IFS and must be its own for ever: the ledger document's id.

    `day` is the voucher date: the fact's own, or another where that one's period is closed.
    """

    number: int
    draft: VoucherDraft
    day: date


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One voucher as the manifest states it. `debit_total` is of `currency`."""

    key: str
    number: int
    day: str
    rows: int
    debit_total: str
    currency: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a batch file is to hold; `size` in bytes, `made_at` in ISO 8601."""

    batch: str
    sha256: str
    size: int
    made_at: str
    company: str
    voucher_type: str
    entries: tuple[ManifestEntry, ...]
    format: str = FORMAT
    version: int = _MANIFEST_VERSION

    @property
    def keys(self) -> frozenset[str]:
        """The document keys of its vouchers."""
        return frozenset(entry.key for entry in self.entries)

    def to_json(self) -> bytes:
        """UTF-8 JSON, the same for the same manifest; `read_manifest` reads it."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()


def read_manifest(document: bytes) -> Manifest:
    """The manifest that `to_json` wrote. Raises BadManifest."""
    try:
        found: dict[str, Any] = json.loads(document)
        entries = tuple(ManifestEntry(**entry) for entry in found.pop("entries"))
        manifest = Manifest(entries=entries, **found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadManifest(f"This is no manifest of ours: {error}.", remedy="Restore it from a copy.") from error
    if (manifest.format, manifest.version) != (FORMAT, _MANIFEST_VERSION):
        raise BadManifest(f"A manifest of format {manifest.format} {manifest.version} is not known here.")
    return manifest


def render(entries: Sequence[BatchEntry], company: str, profile: Profile) -> bytes:
    """The batch file. Raises UnwritableEntry, and then nothing of the batch should be written."""
    _each_once(entries)
    names = profile.voucher.external_file
    lines = [
        names.separator.join(_cells(entry, row, company, profile))
        for entry in entries
        for row in _checked(entry).draft.rows
    ]
    return "".join(line + names.line_end for line in lines).encode(names.encoding, errors="replace")


def manifest_of(
    batch: str, entries: Sequence[BatchEntry], content: bytes, *, company: str, profile: Profile, made_at: datetime
) -> Manifest:
    """What `content`, the rendering of `entries`, is to be recognised by."""
    return Manifest(
        batch=batch,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        made_at=made_at.isoformat(),
        company=company,
        voucher_type=profile.voucher.voucher_type,
        entries=tuple(
            ManifestEntry(
                key=entry.draft.key,
                number=entry.number,
                day=entry.day.isoformat(),
                rows=len(entry.draft.rows),
                debit_total=number_text(entry.draft.debits),
                currency=entry.draft.currency,
            )
            for entry in entries
        ),
    )


def verify(manifest: Manifest, content: bytes) -> tuple[str, ...]:
    """What is wrong with `content`, in words; nothing where it is what the manifest says, to the byte."""
    faults = []
    if len(content) != manifest.size:
        faults.append(f"it has {len(content)} bytes, not {manifest.size}")
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        faults.append("its SHA-256 is another")
    return tuple(faults)


def _each_once(entries: Sequence[BatchEntry]) -> None:
    seen: set[str | int] = set()
    for entry in entries:
        for own in (entry.draft.key, entry.number):
            if own in seen:
                raise UnwritableEntry(f"The voucher {entry.draft.key} ({own}) stands twice in one batch.")
            seen.add(own)


def _checked(entry: BatchEntry) -> BatchEntry:
    draft = entry.draft
    if not draft.rows:
        raise UnwritableEntry(f"The voucher {draft.key} has no rows.", remedy="It is recorded, not posted.")
    for off in (
        sum((row.amount for row in draft.rows), ZERO),
        sum((row.accounting_amount for row in draft.rows), ZERO) if draft.rate else ZERO,
    ):
        if off:
            raise UnwritableEntry(
                f"The voucher {draft.key} is off balance by {off}.",
                remedy="Sync the order again; report it if it stays.",
            )
    return entry


def _cells(entry: BatchEntry, row: VoucherRow, company: str, profile: Profile) -> Iterable[str]:
    names, draft = profile.voucher.external_file, entry.draft
    length = profile.voucher.text_length
    key = _code(draft.key, "key", draft.key, names)
    said = voucher_payloads.row_text(draft, row, entry.day, length - len(names.text.format(key=key, text="")))
    text = safe_text(names.text.format(key=key, text=said), names.separator)
    values: dict[str, str] = {
        "": "",
        "number": str(entry.number),
        "year": str(entry.day.year),
        "date": entry.day.strftime(names.date_format),
        "currency_amount": _amount(row.amount, names.decimal_mark),
        "amount": _amount(row.accounting_amount, names.decimal_mark) if draft.rate else "",
        "rate": _amount(draft.rate.rate, names.decimal_mark) if draft.rate else "",
        "factor": _amount(draft.rate.factor, names.decimal_mark) if draft.rate else "",
        "text": text[:length].rstrip(),
    }
    codes = {
        "account": row.account,
        "currency": draft.currency,
        "tax_code": row.tax_code if profile.voucher.send_tax_code else "",
        "reference": key,
        "voucher_type": profile.voucher.voucher_type,
        "user_group": profile.voucher.user_group,
        "company": company,
        **dict(row.code_parts),
    }
    for column in names.columns:
        yield values[column] if column in values else _code(codes.get(column, ""), column, key, names)


def _amount(amount: Decimal, decimal_mark: str) -> str:
    return number_text(amount).replace(".", decimal_mark)


def _code(value: str, column: str, key: str, names: ExternalFileNames) -> str:
    """A value that IFS looks up: it is written as it is, or not at all."""
    is_altered = value.encode(names.encoding, errors="replace").decode(names.encoding) != value
    is_breaking = names.separator in value or '"' in value or any(unicodedata.category(c) in _UNSAFE for c in value)
    if is_altered or is_breaking or value != value.strip() or value.startswith(_FORMULA_LEADS):
        raise UnwritableEntry(
            f"The {column} {value!r} of voucher {key} cannot stand in a text file.",
            remedy="Correct the mapping rule that gives it, or send vouchers by rest.",
        )
    return value


def safe_text(text: str, separator: str) -> str:
    """`text` as one cell: on one line, without the separator or quotes, and never read as a formula."""
    replaced = "".join(" " if c == separator or unicodedata.category(c) in _UNSAFE else c for c in text)
    line = " ".join(replaced.replace('"', "'").split())
    return f"'{line}" if line.startswith(_FORMULA_LEADS) else line
