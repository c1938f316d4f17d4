"""Voucher drafts to request bodies: which property of IFS carries what (facts §6). Pure; nothing is sent here.

A row is a debit or a credit of its currency; accounting amounts and the rate are sent as frozen with the draft, so
that IFS has nothing to round (ACCOUNTING §3, currency).
"""

from datetime import date

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow
from bcifs_console.ifs.odata import compact
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.voucher_records import VoucherHead
from bcifs_console.ifs.wire import Record


def header(draft: VoucherDraft, day: date, setting: Setting) -> Record:
    """Body for a new voucher dated `day`. Raises ConfigurationProblem for a key that rows cannot carry."""
    names = setting.profile.voucher
    if len(draft.key) > names.reference_length:
        raise ConfigurationProblem(
            f"The voucher key {draft.key} is longer than the {names.reference_length} characters that a row's "
            f"{names.row.reference} takes; shortened it could not be found again.",
            remedy="Shorten the connection's order_reference.",
        )
    own = names.header
    body: dict[str, object] = {
        **names.header_defaults,
        own.company: setting.access.company,
        own.voucher_type: names.voucher_type,
        own.date: day.isoformat(),
        own.text: draft.key,
    }
    if own.user_group:
        body[own.user_group] = names.user_group
    if own.currency:
        body[own.currency] = draft.currency
    return compact(body)


def row(head: VoucherHead, draft: VoucherDraft, item: VoucherRow, setting: Setting) -> Record:
    """Body for one row of the voucher `head`."""
    names = setting.profile.voucher
    own = names.row
    is_debit = bool(item.debit)
    body: dict[str, object] = {
        **names.row_defaults,
        own.company: head.company,
        own.voucher_type: head.voucher_type,
        own.year: head.year,
        own.number: head.number,
        own.account: item.account,
        **{own.code_part_property(part): value for part, value in item.code_parts},
        own.currency: draft.currency,
        own.currency_debit if is_debit else own.currency_credit: item.debit if is_debit else item.credit,
        own.text: row_text(draft, item, head.day, names.text_length),
        own.reference: draft.key,
    }
    if draft.rate is not None:
        body[own.debit if is_debit else own.credit] = item.accounting_debit if is_debit else item.accounting_credit
        body |= {name: value for name, value in ((own.rate, draft.rate.rate), (own.factor, draft.rate.factor)) if name}
    if own.tax_code and names.send_tax_code:
        body[own.tax_code] = item.tax_code
    return compact(body)


def row_text(draft: VoucherDraft, item: VoucherRow, day: date | None, length: int) -> str:
    """The text of a row: its own or the draft's, on one line, cut to `length`.

    In a voucher dated otherwise than its fact (its period is closed) the fact's own date follows (ACCOUNTING §3).
    """
    said = " ".join((item.text or draft.text).split())
    moved = f" ({draft.day.isoformat()})" if day is not None and day != draft.day else ""
    room = max(length - len(moved), 1)
    return ((said if len(said) <= room else f"{said[: room - 1]}…") + moved).strip()
