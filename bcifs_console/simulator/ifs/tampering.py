"""What somebody does in IFS behind the product's back: vouchers deleted, changed and added; orders moved on by hand."""

from __future__ import annotations

from decimal import Decimal

from bcifs_console.simulator.control import ControlRefused
from bcifs_console.simulator.ifs.customer_orders import CustomerOrders
from bcifs_console.simulator.ifs.errors import Ora
from bcifs_console.simulator.ifs.rates import COMPANY_CURRENCY, Rate
from bcifs_console.simulator.ifs.schema import STATES
from bcifs_console.simulator.ifs.vouchers import HEADER_KEY, Vouchers
from bcifs_console.simulator.money import ZERO, Json, decimal_of, rounded
from bcifs_console.simulator.options import COMPANY

_DONE_STATES = frozenset(["PartiallyDelivered", "Delivered", "Invoiced"])


def vouchers(books: Vouchers, body: Json) -> Json:
    """`{"delete": key}`, `{"change": key, "amount": total}` or `{"add": {...}}`; answers with what it did."""
    match body:
        case {"delete": key}:
            return _delete(books, _found(books, str(key)))
        case {"change": key, "amount": amount}:
            return _change(books, str(key), _amount(amount))
        case {"add": dict() as values}:
            return _add(books, values)
    raise ControlRefused("delete, change with amount, or add is needed")


def _amount(value: object) -> Decimal:
    number = decimal_of(value)
    if number is None or number <= 0:
        raise ControlRefused("amount must be a number above 0")
    return number


def _found(books: Vouchers, key: str) -> Json:
    """By the header's text, else by the reference of its rows."""
    for header in books.everything():
        if header.get("VoucherText") == key:
            return header
    for row in books.rows.where("ReferenceNumber", key):
        for header in books.everything():
            if all(header[field] == row[field] for field in HEADER_KEY):
                return header
    raise ControlRefused(f"there is no voucher {key!r}")


def _said(books: Vouchers, header: Json) -> Json:
    rows = books.rows_of(header)
    return {
        **{field: header[field] for field in (*HEADER_KEY, "VoucherDate")},
        "VoucherText": header.get("VoucherText"),
        "amount": f"{sum((_debit(row) for row in rows), ZERO)}",
        "rows": len(rows),
    }


def _debit(row: Json) -> Decimal:
    return Decimal(row.get("CurrencyDebetAmount") or 0)


def _credit(row: Json) -> Decimal:
    return Decimal(row.get("CurrencyCreditAmount") or 0)


def _delete(books: Vouchers, header: Json) -> Json:
    said = _said(books, header)
    for row in books.rows_of(header):
        books.rows.remove(row)
    books.drop(header)
    return {"deleted": said}


def _change(books: Vouchers, key: str, amount: Decimal) -> Json:
    """The largest debit and the largest credit row move by the same, so that the voucher still balances."""
    header = _found(books, key)
    before = _said(books, header)
    rows = books.rows_of(header)
    debit, credit = max(rows, key=_debit), max(rows, key=_credit)
    more = amount - sum((_debit(row) for row in rows), ZERO)
    if not more:
        raise ControlRefused("the voucher has that amount already")
    if _debit(debit) + more <= 0 or _credit(credit) + more <= 0:
        raise ControlRefused("the amount is too small for the voucher's rows")
    rate = Rate(Decimal(debit["CurrencyRate"]), Decimal(debit["ConversionFactor"]))
    in_company = rounded(rate.convert(more), COMPANY_CURRENCY)
    for row, side, sign in ((debit, "Debet", 1), (credit, "Credit", -1)):
        books.rows.change(
            row,
            {
                f"Currency{side}Amount": row[f"Currency{side}Amount"] + more,
                f"{side}Amount": row[f"{side}Amount"] + in_company,
                "CurrencyAmount": row["CurrencyAmount"] + sign * more,
                "Amount": row["Amount"] + sign * in_company,
            },
        )
    books.headers.touch(header)
    return {"changed": _said(books, header), "before": before}


def _add(books: Vouchers, values: Json) -> Json:
    """`reference`, `amount`, `debit_account`, `credit_account`, `date`; also `currency`, `voucher_type`."""
    needed = ("reference", "amount", "debit_account", "credit_account", "date")
    lacking = [name for name in needed if not values.get(name)]
    if lacking:
        raise ControlRefused(f"{lacking[0]} is needed")
    amount, automatic = _amount(values["amount"]), books.automatic_tax
    books.automatic_tax = False
    header: Json | None = None
    try:
        header = books.create(
            {
                "Company": COMPANY,
                "VoucherType": str(values.get("voucher_type", "M")),
                "VoucherDate": str(values["date"]),
                "VoucherText": str(values["reference"]),
                "CurrencyCode": str(values.get("currency", COMPANY_CURRENCY)),
            }
        )
        _add_rows(books, header, values, amount)
        books.confirm(header)
    except Ora as refused:
        if header is not None:
            _delete(books, header)
        raise ControlRefused(refused.details[0][1].partition("\n")[0]) from refused
    finally:
        books.automatic_tax = automatic
    return {"added": _said(books, header)}


def _add_rows(books: Vouchers, header: Json, values: Json, amount: Decimal) -> None:
    place = {field: header[field] for field in HEADER_KEY}
    for account, side in (("debit_account", "Debet"), ("credit_account", "Credit")):
        row = {"Account": str(values[account]), f"Currency{side}Amount": amount}
        books.add_row({**place, **row, "ReferenceNumber": header["VoucherText"]})


def customer_order(orders: CustomerOrders, body: Json) -> Json:
    """`{"order_no", "state"}`: moves an order and its open lines on, as deliveries and invoices in IFS do."""
    order, state = orders.orders.get(body.get("order_no")), body.get("state")
    if order is None or state not in STATES:
        raise ControlRefused("an existing order_no and a state of customer orders are needed")
    for line in orders.lines.where("OrderNo", order["OrderNo"]):
        if line["Objstate"] != "Cancelled":
            gone = line["BuyQtyDue"] if state in _DONE_STATES else line["QtyShipped"]
            billed = line["BuyQtyDue"] if state == "Invoiced" else line["QtyInvoiced"]
            orders.lines.change(line, {"Objstate": state, "QtyShipped": gone, "QtyInvoiced": billed})
    orders.orders.change(order, {"Objstate": state})
    return {"order_no": order["OrderNo"], "state": state}
