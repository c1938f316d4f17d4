"""What a voucher's key says: `BC-5001/SHIP/61/REV` is about order BC-5001, and takes back shipment 61."""

import re
from dataclasses import dataclass
from typing import Final

from bcifs_console.domain.vouchers import VoucherKind

_HEADS: Final = tuple(kind.value for kind in VoucherKind if kind is not VoucherKind.REVERSAL)
_KEY: Final = re.compile(rf"(?P<order>.+)/(?P<word>{'|'.join(_HEADS)})(?:/(?P<fact>.+))?", re.DOTALL)
_REVERSED: Final = f"/{VoucherKind.REVERSAL.value}"


@dataclass(frozen=True, slots=True)
class VoucherKey:
    """A key in its parts. `fact` is what the store calls the thing: 44, 61, STATUS/1; empty for DIGITAL and CLOSE."""

    order_reference: str
    kind: VoucherKind
    fact: str = ""


def parse_key(key: str) -> VoucherKey | None:
    """The parts of a key, None where the text is none."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    kind, fact = VoucherKind(found["word"]), found["fact"] or ""
    if kind is VoucherKind.SHIPMENT and fact.endswith(_REVERSED):
        return VoucherKey(found["order"], VoucherKind.REVERSAL, fact.removesuffix(_REVERSED))
    return VoucherKey(found["order"], kind, fact)


def order_of_reference(pattern: str, reference: str) -> int | None:
    """The order that `reference` names under the policy's `order_reference` pattern; None where it is not ours."""
    before, _, after = pattern.partition("{order_id}")
    found = re.fullmatch(rf"{re.escape(before)}(\d+){re.escape(after)}", reference)
    return int(found[1]) if found else None
