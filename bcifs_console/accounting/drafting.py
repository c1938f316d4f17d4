"""From a written sheet to a voucher draft, complete as it stands: rows with accounts, both currencies, day and key."""

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from bcifs_console.accounting.accounts import AccountBook
from bcifs_console.accounting.currency import accounted
from bcifs_console.accounting.facts import Fact
from bcifs_console.accounting.position import Frame
from bcifs_console.accounting.sheet import Sheet
from bcifs_console.domain.plan import Blocker
from bcifs_console.domain.vouchers import VoucherDraft, VoucherRow


class VoucherDesk:
    """Draws up the vouchers of one order."""

    def __init__(self, frame: Frame, accounts: AccountBook) -> None:
        self._frame = frame
        self._accounts = accounts

    def draft(self, fact: Fact, sheet: Sheet, booked: Decimal) -> VoucherDraft | tuple[Blocker, ...]:
        """The voucher of a fact, or what no rule covers. `booked`: the customer balance by all vouchers before it."""
        frame = self._frame
        text = f"Order {frame.order.id}, {fact.what}"
        if isinstance(fact.source, VoucherDraft):
            rows = _mirrored(fact.source, text)
        else:
            rows, missing = self._accounts.rows(sheet.entries(), text)
            if missing:
                return missing
        currency = frame.basis.currency
        return VoucherDraft(
            key=f"{frame.reference}/{fact.name}",
            order_id=frame.order.id,
            voucher_kind=fact.kind,
            fact=fact.what,
            at=fact.at,
            day=fact.at.astimezone(_zone(frame.policy.time_zone)).date(),
            currency=currency,
            rows=accounted(rows, frame.rate, currency, booked),
            takes=sheet.takes,
            rate=frame.rate,
            amount=sheet.amount,
            fact_hash=fact.digest,
            text=text,
        )


def _mirrored(sent: VoucherDraft, text: str) -> tuple[VoucherRow, ...]:
    """The rows of a voucher with debit and credit exchanged."""
    rows = (_other_side(row, text) for row in sent.rows)
    return tuple(sorted(rows, key=lambda row: row.amount < 0))


def _other_side(row: VoucherRow, text: str) -> VoucherRow:
    shares = tuple(replace(share, amount=-share.amount) for share in row.shares)
    return replace(row, debit=row.credit, credit=row.debit, text=text, shares=shares)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
