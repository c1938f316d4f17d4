"""Domain values to JSON and back, for snapshots and frozen drafts. Decimals travel as strings, times as ISO 8601."""

from typing import Any

from pydantic import TypeAdapter

from bcifs_console.domain.documents import CustomerDraft, CustomerOrderDraft
from bcifs_console.domain.edits import EditAnswer
from bcifs_console.domain.orders import Order
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import VoucherDraft

_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """The adapter of `kind`, built at first use: building takes milliseconds, most commands need none."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def encode(value: Order | CustomerOrderDraft | CustomerDraft | VoucherDraft | OrderUpdateDraft | EditAnswer) -> str:
    """`value` as JSON text; fields at their default are left out, so old and new snapshots stay readable."""
    return _adapter(type(value)).dump_json(value, exclude_defaults=True).decode()


def decode_order(text: str) -> Order:
    """The order that `encode` wrote. Raises pydantic.ValidationError on a text that is none."""
    order: Order = _adapter(Order).validate_json(text)
    return order


def decode_customer_order(text: str) -> CustomerOrderDraft:
    """The customer order draft that `encode` wrote."""
    draft: CustomerOrderDraft = _adapter(CustomerOrderDraft).validate_json(text)
    return draft


def decode_customer(text: str) -> CustomerDraft:
    """The customer draft that `encode` wrote."""
    draft: CustomerDraft = _adapter(CustomerDraft).validate_json(text)
    return draft


def decode_voucher(text: str) -> VoucherDraft:
    """The voucher draft that `encode` wrote."""
    draft: VoucherDraft = _adapter(VoucherDraft).validate_json(text)
    return draft


def decode_order_update(text: str) -> OrderUpdateDraft:
    """The order update that `encode` wrote."""
    draft: OrderUpdateDraft = _adapter(OrderUpdateDraft).validate_json(text)
    return draft


def decode_edit_answer(text: str) -> EditAnswer:
    """The answer to an edit that `encode` wrote."""
    answer: EditAnswer = _adapter(EditAnswer).validate_json(text)
    return answer
