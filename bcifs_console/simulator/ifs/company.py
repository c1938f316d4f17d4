"""The company behind the projections: its tables, and which code creates, changes and removes what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.ifs import master
from bcifs_console.simulator.ifs.customer_orders import CustomerOrders
from bcifs_console.simulator.ifs.customers import Customers
from bcifs_console.simulator.ifs.errors import Ora
from bcifs_console.simulator.ifs.parties import CUSTOMERS_BY_EMAIL
from bcifs_console.simulator.ifs.pre_posting import PrePosting
from bcifs_console.simulator.ifs.projections import PROJECTIONS
from bcifs_console.simulator.ifs.rates import COMPANY_CURRENCY
from bcifs_console.simulator.ifs.tables import Database
from bcifs_console.simulator.ifs.vouchers import Vouchers
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import COMPANY, SITE


class Company:
    def __init__(self, clock: Clock) -> None:
        self.db = Database(clock)
        master.build(self.db, clock.now())
        catalogue = self.db.make("Projection", ("ProjectionName",))
        for projection in PROJECTIONS.values():
            row: Json = {"ProjectionName": projection.name, "Description": projection.description}
            catalogue.add({**row, "ApiClass": projection.api_class, "Category": "Users"})
        self.orders = CustomerOrders(self.db, clock)
        self.pre_posting = PrePosting(self.db, clock, self.orders)
        self.customers = Customers(self.db, clock)
        self.vouchers = Vouchers(self.db, clock)
        self.creators: dict[str, Callable[[Json], Json]] = {
            "CustomerOrder": self.orders.create,
            "CustomerOrderLine": self.orders.add_line,
            "CustomerOrderCharge": self.orders.add_charge,
            "CustomerOrderAddress": self.orders.add_address,
            "PreAccountingVirtual": self.pre_posting.open,
            "PreAccountingDistribution": self.pre_posting.distribute,
            "CustomerInfo": self.customers.create,
            "CustomerInfoAddress": self.customers.add_address,
            "AddressType": self.customers.add_address_type,
            "CommMethod": self.customers.add_method,
            "CustomerContact": self.customers.add_contact,
            "CustOrdCustomer": self.customers.add_order_info,
            "CustomerInvoice": self.customers.add_invoice_info,
            "CustomerCredit": self.customers.add_credit_info,
            "Voucher": self.vouchers.create,
            "VoucherRow": self.vouchers.add_row,
        }
        self.changers: dict[str, Callable[[Json, Json], None]] = {
            "CustomerOrder": self.orders.change,
            "CustomerOrderLine": self.orders.change_line,
            "CustomerOrderCharge": self.orders.change_charge,
            "CustomerOrderAddress": self.orders.change_address,
            "CustomerInfo": self.customers.change,
            "Voucher": self.vouchers.change,
            **{
                name: self.db[name].change
                for name in (
                    "CustomerInfoAddress",
                    "CommMethod",
                    "CustomerContact",
                    "CustOrdCustomer",
                    "CustomerInvoice",
                    "CustomerCredit",
                )
            },
        }
        self.removers: dict[str, Callable[[Json], None]] = {
            "CustomerOrderLine": self.orders.remove_line,
            "CustomerOrderCharge": self.orders.remove_charge,
            "VoucherRow": self.vouchers.remove_row,
            "PreAccountingDistribution": self.pre_posting.rows.remove,
        }
        self.bound: dict[str, Callable[[Json, Json], Any]] = {
            "CustomerOrder_SetReleased": lambda row, _: self.orders.release(row),
            "CustomerOrder_SetCancelled": lambda row, given: self.orders.cancel(row, given.get("CancelReason")),
            "CustomerOrderLine_SetCancelled": lambda row, given: self.orders.cancel_line(
                row, given.get("CancelReason")
            ),
            "CustomerOrder_PrintResultKey": _printed,
            "Voucher_Confirm": lambda row, _: self.vouchers.confirm(row),
        }
        self.unbound: dict[str, Callable[[Json], Any]] = {
            "CopyExistingCustomer": self.customers.copy,
            "CreateCustomerContact": self._contact,
            "AssociationNoExist": lambda given: _flag(self._has_association(given)),
            "GetCompanyDefaults": _company_defaults,
            CUSTOMERS_BY_EMAIL: self.customers.by_email,
        }
        self.defaults: dict[str, Json] = {
            "CustomerOrder": {"Contract": SITE, "Company": COMPANY, "UsePriceInclTax": False, "OrderId": "NO"},
            "CustomerOrderLine": {"Discount": 0, "ConvFactor": 1, "PriceConvFactor": 1, "LineItemNo": 0},
            "CustomerInfo": {"DefaultDomain": True, "DefaultLanguage": "en", "PartyType": "Customer"},
            "Voucher": {"Company": COMPANY, "UserGroup": "AC", "CurrencyCode": COMPANY_CURRENCY},
        }

    def _contact(self, given: Json) -> None:
        self.customers.add_contact(given)

    def _has_association(self, given: Json) -> bool:
        wanted = given.get("AssociationNo")
        return any(row.get("AssociationNo") == wanted for row in self.customers.table.rows.values() if wanted)

    def truth(self) -> dict[str, Callable[[], object]]:
        """What tests and the drill compare with, each part made when it is asked for."""
        return {
            "customers": lambda: [self._customer_truth(row) for row in self.customers.table.rows.values()],
            "customer_orders": lambda: [self._order_truth(row) for row in self.orders.orders.rows.values()],
            "vouchers": self.vouchers.truth,
        }

    def _customer_truth(self, row: Json) -> Json:
        number = row["CustomerId"]
        return {
            **row,
            "addresses": list(self.db["CustomerInfoAddress"].where("CustomerId", number)),
            "address_types": list(self.db["AddressType"].where("CustomerId", number)),
            "communication_methods": list(self.db["CommMethod"].where("CustomerId", number)),
            "order_info": self.db["CustOrdCustomer"].get(number),
        }

    def _order_truth(self, row: Json) -> Json:
        number = row["OrderNo"]
        lines = [
            {**line, "PrePosting": self.pre_posting.of(line), "Account": self.pre_posting.account(line)}
            for line in self.orders.lines.where("OrderNo", number)
        ]
        charges = list(self.orders.charges.where("OrderNo", number))
        return {**row, "lines": lines, "charges": charges, "address": self.orders.addresses.get(number)}


def _printed(row: Json, given: Json) -> str:
    """A number as a string, as recorded."""
    if not given.get("ReportId"):
        raise Ora(20110, "CustomerOrder.NOREPORT", "A report must be given.")
    return str(558_000 + int(row["OrderNo"][1:]))


def _flag(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _company_defaults(given: Json) -> str:
    if given.get("Company") != COMPANY:
        raise Ora(20111, "Company.FND_RECORD_NOT_EXIST", "The Company does not exist.")
    return COMPANY_CURRENCY
