"""Customer orders with their lines, charges and addresses: what may be entered, and the totals that follow."""

from __future__ import annotations

import itertools
from decimal import Decimal

from bcifs_console.simulator.clock import Clock, iso_z
from bcifs_console.simulator.ifs import amounts, master
from bcifs_console.simulator.ifs.errors import Ora, exists, mandatory, missing
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.money import ZERO, Json
from bcifs_console.simulator.options import COMPANY
from bcifs_console.simulator.words import words

_MANDATORY = ("CustomerNo", "Contract", "OrderId", "AuthorizeCode", "CurrencyCode", "WantedDeliveryDate")

# field → master table, the unit that complains, its name for people
_MASTER = (
    ("Contract", "Site", "Site"),
    ("OrderId", "CustOrderType", "Cust Order Type"),
    ("AuthorizeCode", "OrderCoordinator", "Order Coordinator"),
    ("CurrencyCode", "IsoCurrency", "Currency Code"),
    ("ShipViaCode", "MpccomShipVia", "Mpccom Ship Via"),
    ("DeliveryTerms", "OrderDeliveryTerm", "Order Delivery Term"),
    ("PayTermId", "PaymentTerm", "Payment Term"),
)
_UNIT_NAMES = {"IsoCurrency": "CurrencyCode"}

# Kept by IFS itself: they may not be given for a new object.
_COMPUTED = frozenset(
    words(
        "OrderNo Objstate TotalNetBase TotalNetCurr TotalGrossInclChrgCurr TotChrgNetAmtBase TotTaxAmtCurr "
        "TotalGrossAmtCurr PreAccountingId DateEntered"
    )
)
_LINE_COMPUTED = frozenset(
    ["Objstate", "NetAmountCurr", "TaxAmountCurr", "GrossAmountCurr", "NetAmountBase", "PreAccountingId"]
)

_OPEN = ("Planned", "Released", "Reserved")


class CustomerOrders:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._numbers = itertools.count(10001)
        self.cancels_empty = False  # whether an order follows when its last line is cancelled: not documented
        self._notes = itertools.count(5_000_001)
        self.orders = db.make("CustomerOrder", ("OrderNo",), ("CustomerPoNo", "CustomerNo"))
        self.lines = db.make(
            "CustomerOrderLine", ("OrderNo", "LineNo", "RelNo", "LineItemNo"), ("OrderNo", "PreAccountingId")
        )
        self.charges = db.make("CustomerOrderCharge", ("OrderNo", "SequenceNo"), ("OrderNo",))
        self.addresses = db.make("CustomerOrderAddress", ("OrderNo",))

    def create(self, values: Json) -> Json:
        for name in _COMPUTED & set(values):
            raise Ora(20121, "CustomerOrder.FND_ITEM_INSERT", f"Field [{name}] may not be specified for new objects.")
        for name in _MANDATORY:
            if values.get(name) in (None, ""):
                raise mandatory("CustomerOrder", name)
        customer = self._db["CustomerInfo"].get(values["CustomerNo"])
        if customer is None:
            raise missing("CustOrdCustomer", f"Customer [{values['CustomerNo']}]")
        info = self._db["CustOrdCustomer"].get(values["CustomerNo"])
        if info is None:
            text = f"Customer {values['CustomerNo']} is not set up to be used in customer orders."
            raise Ora(20110, "CustomerOrder.NOORDERINFO", text)
        self._check_master(values)
        addresses = {name: self._address(values, name, kind) for name, kind in _ADDRESSES}
        return self.orders.add(
            {
                "OrderNo": f"P{next(self._numbers)}",
                "Company": COMPANY,
                "DateEntered": iso_z(self._clock.now()),
                "UsePriceInclTax": False,
                "AddrFlagDb": False,
                "CustomerName": customer["Name"],
                "PreAccountingId": next(self._notes),
                **_ZERO_TOTALS,
                **{name: value for name, value in values.items() if value is not None and name != "IsNewCustomer"},
                **addresses,
                "Objstate": "Planned",
            }
        )

    def _check_master(self, values: Json) -> None:
        for name, table, what in _MASTER:
            code = values.get(name)
            if code not in (None, "") and not master.has(self._db, table, code):
                raise missing(_UNIT_NAMES.get(table, table), what)

    def _address(self, values: Json, name: str, kind: str) -> str:
        """Only an address of the customer's own, and of the right type, will do."""
        customer, number = values["CustomerNo"], values.get(name) or "01"
        if self._db["CustomerInfoAddress"].get(customer, number) is None:
            raise missing("CustomerInfoAddress", f"Customer Info Address [{number}]")
        if self._db["AddressType"].get(customer, number, kind) is None:
            raise Ora(20110, "CustomerOrder.ADDRTYPE", f"Address {number} of {customer} is no {kind} address.")
        return str(number)

    def change(self, row: Json, values: Json) -> None:
        for name in _COMPUTED & set(values):
            raise Ora(20122, "CustomerOrder.FND_ITEM_UPDATE", f"Field [{name}] may not be modified.")
        if row["Objstate"] == "Cancelled":
            raise Ora(20110, "CustomerOrder.CANCELLED", "A cancelled order may not be changed.")
        self._check_master(values)
        if "UsePriceInclTax" in values and any(self.lines.where("OrderNo", row["OrderNo"])):
            raise Ora(20110, "CustomerOrder.PRICEINCLTAX", "The price basis may not be changed once there are lines.")
        self.orders.change(row, values)

    def release(self, row: Json) -> None:
        if row["Objstate"] != "Planned":
            raise _wrong_state("SetReleased", row)
        lines = [line for line in self.lines.where("OrderNo", row["OrderNo"]) if line["Objstate"] != "Cancelled"]
        if not lines:
            raise Ora(20110, "CustomerOrder.NOLINES", f"Order {row['OrderNo']} has no lines and cannot be released.")
        for line in lines:
            self.lines.change(line, {"Objstate": "Released"})
        self.orders.change(row, {"Objstate": "Released"})

    def cancel(self, row: Json, reason: str | None) -> None:
        if row["Objstate"] not in _OPEN:
            raise _wrong_state("SetCancelled", row)
        self._check_reason(reason)
        for line in self.lines.where("OrderNo", row["OrderNo"]):
            self.lines.change(line, {"Objstate": "Cancelled", "CancelReason": reason})
        self.orders.change(row, {"Objstate": "Cancelled", "CancelReason": reason})

    def _check_reason(self, reason: str | None) -> None:
        if not reason:
            raise Ora(20110, "CustomerOrder.CANCELREASON", "A cancellation reason must be entered.")
        if not master.has(self._db, "CancelReason", reason):
            raise missing("OrderCancelReason", "Order Cancel Reason")

    def _parent(self, values: Json, unit: str) -> Json:
        if not values.get("OrderNo"):
            raise mandatory(unit, "OrderNo")
        order = self.orders.get(values["OrderNo"])
        if order is None:
            raise missing("CustomerOrder", "Customer Order")
        if order["Objstate"] in ("Cancelled", "Delivered", "Invoiced"):
            raise Ora(20110, f"{unit}.ORDERCLOSED", f"Order {order['OrderNo']} is {order['Objstate']}.")
        return order

    def add_line(self, values: Json) -> Json:
        for name in _LINE_COMPUTED & set(values):
            raise Ora(
                20121, "CustomerOrderLine.FND_ITEM_INSERT", f"Field [{name}] may not be specified for new objects."
            )
        order = self._parent(values, "CustomerOrderLine")
        for name in ("CatalogNo", "BuyQtyDue"):
            if values.get(name) in (None, ""):
                raise mandatory("CustomerOrderLine", name)
        part = self._db["SalesPart"].get(order["Contract"], values["CatalogNo"])
        if part is None:
            raise missing("SalesPart", "Sales Part")
        self._check_quantity(values)
        taken = [int(line["LineNo"]) for line in self.lines.where("OrderNo", order["OrderNo"])]
        row: Json = {
            "CatalogDesc": part["CatalogDesc"],
            "PartNo": part["PartNo"],
            "SalesUnitMeas": part["SalesUnitMeas"],
            "CatalogType": part["CatalogType"],
            "Discount": 0,
            "QtyShipped": 0,
            "QtyInvoiced": 0,
            "DateEntered": iso_z(self._clock.now()),
            "WantedDeliveryDate": order.get("WantedDeliveryDate"),
            **{name: value for name, value in values.items() if value is not None},
            "OrderNo": order["OrderNo"],
            "LineNo": str(max(taken, default=0) + 1),
            "RelNo": "1",
            "LineItemNo": 0,
            "Contract": order["Contract"],
            "Company": order["Company"],
            "CustomerNo": order["CustomerNo"],
            "CustomerPoNo": order.get("CustomerPoNo"),
            "CurrencyCode": order["CurrencyCode"],
            "TaxCode": amounts.tax_code(values, "FetchTaxFromDefaults", part["TaxCode"], "CustomerOrderLine"),
            "PreAccountingId": next(self._notes),
            "Objstate": "Planned" if order["Objstate"] == "Planned" else "Released",
        }
        line = self.lines.add(row)
        self._amounts(order, line)
        self._total(order)
        return line

    def _check_quantity(self, values: Json) -> None:
        for name in ("BuyQtyDue", "DesiredQty"):
            quantity = values.get(name)
            if quantity is not None and quantity <= 0:
                raise Ora(20110, "CustomerOrderLine.QTYZERO", "The sales quantity must be greater than zero.")
        discount = values.get("Discount")
        if discount is not None and not 0 <= discount <= 100:
            raise Ora(20110, "CustomerOrderLine.DISCOUNT", "The discount must be between 0 and 100 percent.")

    def change_line(self, line: Json, values: Json) -> None:
        for name in (_LINE_COMPUTED | set(self.lines.key) | {"CatalogNo", "Contract"}) & set(values):
            raise Ora(20122, "CustomerOrderLine.FND_ITEM_UPDATE", f"Field [{name}] may not be modified.")
        if line["Objstate"] not in _OPEN or line["QtyShipped"]:
            raise Ora(20110, "CustomerOrderLine.DELIVERED", "A delivered or cancelled line may not be changed.")
        self._check_quantity(values)
        changed = dict(values)
        if "TaxCode" in values or "FetchTaxFromDefaults" in values:
            part = self._db["SalesPart"].get(line["Contract"], line["CatalogNo"]) or {}
            changed["TaxCode"] = amounts.tax_code(
                {**line, **values}, "FetchTaxFromDefaults", part.get("TaxCode"), "CustomerOrderLine"
            )
        self.lines.change(line, changed)
        order = self.orders.rows[line["OrderNo"],]
        self._amounts(order, line)
        self._total(order)

    def cancel_line(self, line: Json, reason: str | None) -> None:
        if line["Objstate"] not in _OPEN:
            raise _wrong_state("SetCancelled", line)
        self._check_reason(reason)
        self.lines.change(line, {"Objstate": "Cancelled", "CancelReason": reason})
        order = self.orders.rows[line["OrderNo"],]
        self._total(order)
        rows = self.lines.where("OrderNo", line["OrderNo"])
        if self.cancels_empty and all(row["Objstate"] == "Cancelled" for row in rows):
            self.orders.change(order, {"Objstate": "Cancelled", "CancelReason": reason})

    def remove_line(self, line: Json) -> None:
        order = self.orders.rows[line["OrderNo"],]
        if line["Objstate"] != "Planned":
            raise Ora(20110, "CustomerOrderLine.NOREMOVE", "Only planned lines may be removed.")
        self.lines.remove(line)
        self._total(order)

    def _amounts(self, order: Json, line: Json) -> None:
        factor = (100 - amounts.number(line, "Discount")) / 100
        currency = order["CurrencyCode"]
        net, tax, gross = amounts.split(
            amounts.number(line, "BuyQtyDue"),
            amounts.number(line, "SaleUnitPrice") * factor,
            amounts.number(line, "UnitPriceInclTax") * factor,
            leads="gross" if order.get("UsePriceInclTax") else "net",
            code=line.get("TaxCode"),
            currency=currency,
        )
        line.update(NetAmountCurr=net, TaxAmountCurr=tax, GrossAmountCurr=gross)
        line.update(
            NetAmountBase=amounts.base(net, currency),
            TaxAmountBase=amounts.base(tax, currency),
            GrossAmountBase=amounts.base(gross, currency),
            NetAmtBase=amounts.base(net, currency),
        )

    def add_charge(self, values: Json) -> Json:
        order = self._parent(values, "CustomerOrderCharge")
        for name in ("ChargeType", "ChargedQty"):
            if values.get(name) in (None, ""):
                raise mandatory("CustomerOrderCharge", name)
        if master.has(self._db, "Site", values.get("Contract", order["Contract"])) is False:
            raise missing("Site", "Site")
        kind = self._db["SalesChargeType"].get(order["Contract"], values["ChargeType"])
        if kind is None:
            raise missing("SalesChargeType", "Sales Charge Type")
        if kind["TaxCode"] is None and values.get("TaxCode"):
            text = f"Charge type {values['ChargeType']} is not taxable."
            raise Ora(20110, "CustomerOrderCharge.NOTTAXABLE", text)
        taken = [charge["SequenceNo"] for charge in self.charges.where("OrderNo", order["OrderNo"])]
        charge = self.charges.add(
            {
                **{name: value for name, value in values.items() if value is not None},
                "OrderNo": order["OrderNo"],
                "SequenceNo": max(taken, default=0) + 1,
                "Contract": order["Contract"],
                "Company": order["Company"],
                "ChargeTypeDescription": kind["Description"],
                "TaxCode": amounts.tax_code(values, "FetchTaxCodes", kind["TaxCode"], "CustomerOrderCharge"),
            }
        )
        self._charge_amounts(order, charge)
        self._total(order)
        return charge

    def change_charge(self, charge: Json, values: Json) -> None:
        for name in {"OrderNo", "SequenceNo", "ChargeType"} & set(values):
            raise Ora(20122, "CustomerOrderCharge.FND_ITEM_UPDATE", f"Field [{name}] may not be modified.")
        self.charges.change(charge, values)
        order = self.orders.rows[charge["OrderNo"],]
        self._charge_amounts(order, charge)
        self._total(order)

    def remove_charge(self, charge: Json) -> None:
        self.charges.remove(charge)
        self._total(self.orders.rows[charge["OrderNo"],])

    def _charge_amounts(self, order: Json, charge: Json) -> None:
        currency = order["CurrencyCode"]
        net, tax, gross = amounts.split(
            amounts.number(charge, "ChargedQty", Decimal(1)),
            amounts.number(charge, "ChargeAmount"),
            amounts.number(charge, "ChargeAmountInclTax"),
            leads="gross" if order.get("UsePriceInclTax") else "net",
            code=charge.get("TaxCode"),
            currency=currency,
        )
        charge.update(NetAmtCurr=net, TaxAmountCurrency=tax, GrossAmtCurr=gross)
        charge.update(NetAmtBase=amounts.base(net, currency), GrossAmtBase=amounts.base(gross, currency))

    def _total(self, order: Json) -> None:
        """Called after every change of a line or charge, so the header's ETag moves as well."""
        number, currency = order["OrderNo"], order["CurrencyCode"]
        lines = [line for line in self.lines.where("OrderNo", number) if line["Objstate"] != "Cancelled"]
        charges = list(self.charges.where("OrderNo", number))
        net = sum((line["NetAmountCurr"] for line in lines), ZERO)
        gross = sum((line["GrossAmountCurr"] for line in lines), ZERO)
        charge_net = sum((charge["NetAmtCurr"] for charge in charges), ZERO)
        charge_gross = sum((charge["GrossAmtCurr"] for charge in charges), ZERO)
        self.orders.change(
            order,
            {
                "TotalNetCurr": net,
                "TotalNetBase": amounts.base(net, currency),
                "TotalGrossAmtCurr": gross,
                "TotChrgNetAmtBase": amounts.base(charge_net, currency),
                "TotTaxAmtCurr": gross - net + charge_gross - charge_net,
                "TotalGrossInclChrgCurr": gross + charge_gross,
                "TotalAmount": gross + charge_gross,
                "ChargesExist": bool(charges),
            },
        )

    def add_address(self, values: Json) -> Json:
        """A single-occurrence delivery address: one per order, and the header says that it has one."""
        order = self._parent(values, "CustomerOrderAddress")
        if self.addresses.get(order["OrderNo"]) is not None:
            raise exists("CustomerOrderAddress", "Customer Order Address")
        given = {name: value for name, value in values.items() if value is not None}
        row = self.addresses.add({**given, "OrderNo": order["OrderNo"]})
        self.orders.change(order, {"AddrFlagDb": True, "DelAddrName": values.get("Name")})
        return row

    def change_address(self, row: Json, values: Json) -> None:
        self.addresses.change(row, values)
        self.orders.touch(self.orders.rows[row["OrderNo"],])


_ADDRESSES = (("BillAddrNo", "Document"), ("ShipAddrNo", "Delivery"))
_ZERO_TOTALS: Json = dict.fromkeys(
    [
        "TotalNetBase",
        "TotalNetCurr",
        "TotalGrossInclChrgCurr",
        "TotChrgNetAmtBase",
        "TotTaxAmtCurr",
        "TotalGrossAmtCurr",
    ],
    ZERO,
)


def _wrong_state(event: str, row: Json) -> Ora:
    text = f"The event [{event}] is not handled in state [{row['Objstate']}] of {row['luname']}."
    return Ora(20132, f"{row['luname']}.FND_STATE_EVENT", text)
