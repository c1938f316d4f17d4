"""The order itself from wire to domain, and what `include=consignments.line_items,fees` embeds in it. Pure functions.

Reading goes in two steps, so that the client can fetch what an answer lacks: `embedded()` says what came along, then
`parse_order()` puts the whole together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bcifs_console.bigcommerce.fields import Fields
from bcifs_console.bigcommerce.wire_parts import parse_address, parse_charge, parse_fee, parse_line
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Address, Charge, ChargeKind, LineType, Order, OrderLine

_CHARGES: Final = (
    (ChargeKind.SHIPPING, "shipping_cost"),
    (ChargeKind.HANDLING, "handling_cost"),
    (ChargeKind.WRAPPING, "wrapping_cost"),
)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What came with an order. None: not embedded, or not whole; it must be read from its own resource."""

    lines: tuple[OrderLine, ...] | None
    addresses: tuple[Address, ...] | None
    fees: tuple[Charge, ...] | None


@dataclass(frozen=True, slots=True)
class _Group:
    """One consignment with the rows of its lines; `rows` is None where the store answered with links."""

    consignment: dict[str, Any]
    rows: list[Any] | None
    type: LineType
    is_shipping: bool = False


def order_id_of(payload: object) -> int:
    """The id of an order on the wire. Raises BadAnswer."""
    return Fields(payload, "an order").need_whole("id")


def embedded(payload: object) -> Embedded:
    """What came with the order. Raises BadAnswer on a line, address or fee that is there and unreadable.

    Lines are grouped by consignment (pickups, shipping, downloads, email.gift_certificates: facts §3.2). They count
    as whole only when no group holds links, their quantities add up to `items_total`, and each one says what it costs
    after discounts. Addresses count as whole when there are as many as `shipping_address_count` says.
    """
    order_id = order_id_of(payload)
    order = Fields(payload, f"order {order_id}", order_id=order_id)
    groups = _groups(order.raw("consignments"))
    return Embedded(
        lines=None if groups is None else _lines(groups, order, order_id),
        addresses=None if groups is None else _addresses(groups, order, order_id),
        fees=_fees(order, order_id),
    )


def _groups(consignments: object) -> list[_Group] | None:
    """The consignments in the order the store lists them; None where they are not embedded as documented."""
    if not isinstance(consignments, dict) or _is_link(consignments):
        return None
    email = consignments.get("email")
    gifts = email.get("gift_certificates") if isinstance(email, dict) else None
    kinds = (
        (consignments.get("shipping"), LineType.PHYSICAL, True),
        (consignments.get("pickups"), LineType.PHYSICAL, False),
        (consignments.get("downloads"), LineType.DIGITAL, False),
        (gifts, LineType.GIFT_CERTIFICATE, False),
    )
    groups = []
    for entries, line_type, is_shipping in kinds:
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict):
                return None
            rows = entry.get("line_items")
            whole = isinstance(rows, list) and not any(_is_link(row) for row in rows)
            groups.append(_Group(entry, rows if whole else None, line_type, is_shipping))
    return groups


def _is_link(value: object) -> bool:
    """A `{url, resource}` pair, which stands for what it links to (facts §3.2)."""
    return isinstance(value, dict) and "resource" in value and "id" not in value


def _lines(groups: Sequence[_Group], order: Fields, order_id: int) -> tuple[OrderLine, ...] | None:
    lines: list[OrderLine] = []
    for group in groups:
        if group.rows is None:
            return None
        address_id = _address_id(group) if group.is_shipping else 0
        lines += (
            parse_line(row, order_id, default_type=group.type, default_address_id=address_id) for row in group.rows
        )
    if order.whole_or_none("items_total") != sum(line.quantity for line in lines):
        return None
    if any(line.discounted_total_inc_tax is None for line in lines):
        return None
    return tuple(lines)


def _addresses(groups: Sequence[_Group], order: Fields, order_id: int) -> tuple[Address, ...] | None:
    shipping = [group for group in groups if group.is_shipping]
    expected = order.whole_or_none("shipping_address_count")
    if expected is not None and expected != len(shipping):
        return None
    return tuple(parse_address(group.consignment, order_id, address_id=_address_id(group)) for group in shipping)


def _address_id(group: _Group) -> int:
    """The order_address id of a shipping consignment.

    The documentation does not say that a consignment's id is the address's, so what the lines say goes first.
    """
    said = {Fields(row, "a line").whole("order_address_id") for row in group.rows or ()} - {0}
    return said.pop() if len(said) == 1 else Fields(group.consignment, "a consignment").whole("id")


def _fees(order: Fields, order_id: int) -> tuple[Charge, ...] | None:
    fees = order.raw("fees")
    if _is_link(fees):
        return None
    return parse_fees(fees, order_id)


def parse_fees(payload: object, order_id: int) -> tuple[Charge, ...]:
    """Fees as embedded (a list) or as `/orders/{id}/fees` answers (an object around the list); zero ones left out."""
    rows = payload.get("fees") if isinstance(payload, dict) else payload
    fees = (parse_fee(row, order_id) for row in (rows if isinstance(rows, list) else ()))
    return tuple(fee for fee in fees if fee.ex_tax or fee.inc_tax or fee.tax)


def parse_order(
    payload: object,
    *,
    lines: Sequence[OrderLine],
    addresses: Sequence[Address],
    fees: Sequence[Charge] = (),
) -> Order:
    """The order with its parts. Raises BadAnswer naming the field and the order.

    Essential are id, status, both dates, the currency, totals, subtotals and the price side. The currency is
    `default_currency_code`, the one the shopper paid in (facts §3.6). Shipping, handling and wrapping come from the
    order's own figures, zero ones left out.
    """
    order_id = order_id_of(payload)
    order = Fields(payload, f"order {order_id}", order_id=order_id)
    return Order(
        id=order_id,
        status_id=order.need_whole("status_id"),
        status=order.text("status"),
        customer_id=order.whole("customer_id"),
        placed_at=order.need_moment("date_created"),
        modified_at=order.need_moment("date_modified"),
        currency=order.need_text("default_currency_code").upper(),
        total_ex_tax=order.need_amount("total_ex_tax"),
        total_inc_tax=order.need_amount("total_inc_tax"),
        total_tax=order.need_amount("total_tax"),
        subtotal_ex_tax=order.need_amount("subtotal_ex_tax"),
        subtotal_inc_tax=order.need_amount("subtotal_inc_tax"),
        tax_inclusive=order.need_flag("is_tax_inclusive_pricing"),
        lines=tuple(sorted(lines, key=lambda line: line.id)),  # one order, whichever endpoint they came from
        charges=(*_order_charges(order, addresses), *fees),
        discount_amount=order.amount("discount_amount") or ZERO,
        coupon_discount=order.amount("coupon_discount") or ZERO,
        store_credit_amount=order.amount("store_credit_amount") or ZERO,
        gift_certificate_amount=order.amount("gift_certificate_amount") or ZERO,
        taxes=None,  # these two are read by calls of their own, where they are wanted
        coupons=None,
        billing=parse_address(order.raw("billing_address") or {}, order_id, address_id=0),
        shipping=tuple(addresses),
        shipped_at=order.moment("date_shipped"),
        channel_id=order.whole("channel_id", 1),
        payment_method=order.text("payment_method"),
        payment_provider=order.text("payment_provider_id"),
        payment_status=order.text("payment_status"),
        external_order_id=order.text("external_order_id"),
        customer_message=order.text("customer_message"),
        staff_notes=order.text("staff_notes"),
        is_deleted=order.flag("is_deleted"),
        items_shipped=order.whole("items_shipped"),
    )


def _order_charges(order: Fields, addresses: Sequence[Address]) -> Iterator[Charge]:
    method = next((address.shipping_method for address in addresses if address.shipping_method), "")
    for kind, prefix in _CHARGES:
        charge = parse_charge(order, kind, prefix, method if kind is ChargeKind.SHIPPING else "")
        if charge is not None:
            yield charge


def may_have_coupons(order: Order) -> bool:
    """Whether `/coupons` is worth a call: only when a coupon took something off (DESIGN §5)."""
    return bool(order.coupon_discount)
