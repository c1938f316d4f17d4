"""The projections this IFS serves, described in full. Names as real code uses them; inferred ones are marked."""

from __future__ import annotations

from bcifs_console.simulator.ifs import properties as names
from bcifs_console.simulator.ifs.finance import FINANCE
from bcifs_console.simulator.ifs.parties import PARTIES
from bcifs_console.simulator.ifs.schema import (
    STATES,
    Action,
    Navigation,
    Parameter,
    Projection,
    entity,
    only,
    projection,
    properties,
)
from bcifs_console.simulator.words import words

_TOTALS = [
    "TotalNetBase",
    "TotalNetCurr",
    "TotalGrossInclChrgCurr",
    "TotChrgNetAmtBase",
    "TotTaxAmtCurr",
    "TotalGrossAmtCurr",
]

_STATE = {"Objstate": "CustomerOrderState"}

ADDRESS_FIELDS = words(
    "Name Address1 Address2 Address3 Address4 Address5 Address6 ZipCode City State County CountryCode"
)

ORDER = entity(
    "CustomerOrder",
    "CustomerOrder",
    "OrderNo",
    properties(
        names.ORDER_STRINGS,
        [*names.ORDER_NUMBERS, *_TOTALS],
        names.ORDER_BOOLEANS,
        names.ORDER_TIMESTAMPS,
        enums=_STATE,
    ),
    [
        Navigation("OrderLinesArray", "CustomerOrderLine", (("OrderNo", "OrderNo"),)),
        Navigation("CustomerOrderChargeArray", "CustomerOrderCharge", (("OrderNo", "OrderNo"),)),
        Navigation("CustomerOrderAddresses", "CustomerOrderAddress", (("OrderNo", "OrderNo"),)),
    ],
    [
        Action("CustomerOrder_SetReleased"),  # inferred
        Action("CustomerOrder_SetCancelled", (Parameter("CancelReason"),)),  # inferred
        Action("CustomerOrder_PrintResultKey", (Parameter("ReportId"),), returns="Edm.String"),
    ],
    has_default=True,
)

LINE = entity(
    "CustomerOrderLine",
    "CustomerOrderLine",
    "OrderNo LineNo RelNo LineItemNo",
    properties(
        names.LINE_STRINGS,
        names.LINE_NUMBERS,
        names.LINE_BOOLEANS,
        names.LINE_TIMESTAMPS,
        enums={"Objstate": "CustomerOrderLineState"},
    ),
    actions=[Action("CustomerOrderLine_SetCancelled", (Parameter("CancelReason"),))],  # inferred
    has_default=True,
)

JOINED_LINE = entity(
    "CustomerOrderJoin",
    "CustomerOrderLine",
    "OrderNo LineNo RelNo LineItemNo",
    properties(
        words(
            "OrderNo LineNo RelNo Contract CatalogNo CatalogDesc PartNo SalesUnitMeas CustomerNo CustomerPoNo "
            "CustomerPoLineNo CurrencyCode TaxCode NoteText"
        ),
        words(
            "LineItemNo BuyQtyDue QtyShipped SaleUnitPrice UnitPriceInclTax BaseSaleUnitPrice "
            "BaseUnitPriceInclTax NetAmtBase NetAmountCurr TaxAmountCurr GrossAmountCurr PreAccountingId Discount"
        ),
        timestamps=["WantedDeliveryDate", "DateEntered"],
        enums={"Objstate": "CustomerOrderLineState"},
    ),
)

CHARGE = entity(
    "CustomerOrderCharge",
    "CustomerOrderCharge",
    "OrderNo SequenceNo",
    properties(names.CHARGE_STRINGS, names.CHARGE_NUMBERS, names.CHARGE_BOOLEANS),
)

# Field names inferred from the customer's own addresses.
ORDER_ADDRESS = entity(
    "CustomerOrderAddress", "CustomerOrderAddress", "OrderNo", properties(["OrderNo", *ADDRESS_FIELDS])
)

_CODES = [f"Codeno{letter}" for letter in "BCDEFGHIJ"]

# Documented for a sister projection; that customer orders carry the same sets is inferred.
DISTRIBUTION = entity(
    "PreAccountingDistribution",
    "PreAccountingDistribution",
    "ParentPreAccountingId PreAccountingId",
    properties(
        ["AccountNo", *_CODES, "CompanyRef", "Company", "Contract", "PrePostingSource", "ValidationType"],
        words(
            "ParentPreAccountingId PreAccountingId ActivitySeq AmountDistribution Percentage Amount TotalAmount "
            "LineAmount"
        ),
        dates=["VoucherDate"],
    ),
)
VIRTUAL = entity(
    "PreAccountingVirtual",
    "PreAccountingVirtual",
    "Objkey",
    properties(
        words(
            "Objkey ParentObjkey PostingType Contract Company PostingTypeDist Allowed AllowedAccountNo "
            "LabelAccountNo PrePostingSource Selection"
        ),
        ["PreAccountingId", "TotalAmountDist"],
        ["ReadOnly", "ProjectConnected", "MultipleRecords"],
        dates=["VoucherDate", "ValidationDate"],
    ),
    [
        Navigation(
            "PreAccountingDistributionArray", "PreAccountingDistribution", (("PreAccountingId", "PreAccountingId"),)
        )
    ],
)

SALES_PART = entity(
    "SalesPart",
    "SalesPart",
    "Contract CatalogNo",
    properties(
        words(
            "Contract CatalogNo CatalogDesc PartNo CatalogType CatalogGroup SalesUnitMeas PriceUnitMeas TaxCode "
            "ActiveInd Company"
        ),
        ["ListPrice"],
    ),
)


_REFERENCES = {
    "Reference_Site": entity("Site", "Site", "Contract", properties(["Contract", "Description", "Company"])),
    "Reference_CustOrderType": entity(
        "CustOrderType", "CustOrderType", "OrderId", properties(["OrderId", "Description"])
    ),
    "Reference_OrderCoordinator": entity(
        "OrderCoordinator", "OrderCoordinator", "AuthorizeCode", properties(["AuthorizeCode", "Description"])
    ),
    "Reference_MpccomShipVia": entity(
        "MpccomShipVia", "MpccomShipVia", "ShipViaCode", properties(["ShipViaCode", "Description"])
    ),
    "Reference_OrderDeliveryTerm": entity(
        "OrderDeliveryTerm", "OrderDeliveryTerm", "DeliveryTerms", properties(["DeliveryTerms", "Description"])
    ),
    "Reference_PaymentTerm": entity(
        "PaymentTerm", "PaymentTerm", "PayTermId", properties(["PayTermId", "Description", "Company"])
    ),
    "Reference_IsoCurrency": entity(
        "IsoCurrency", "IsoCurrency", "CurrencyCode", properties(["CurrencyCode", "Description"])
    ),
    "Reference_OrderCancelReason": entity(
        "OrderCancelReason", "CancelReason", "CancelReason", properties(["CancelReason", "Description"])
    ),
    "Reference_SalesChargeType": entity(
        "SalesChargeType",
        "SalesChargeType",
        "Contract ChargeType",
        properties(["Contract", "ChargeType", "Description", "TaxCode"]),
    ),
    "Reference_StatutoryFee": entity(
        "StatutoryFee",
        "StatutoryFee",
        "Company FeeCode",
        properties(["Company", "FeeCode", "Description"], ["FeeRate"]),
    ),
    "Reference_PreAccountCodepartAMpccom": entity(
        "PreAccountCodepartA",
        "Account",
        "Company Account",
        properties(["Company", "Account", "Description", "AccountType"], dates=["ValidFrom", "ValidUntil"]),
    ),
    **{
        f"Reference_PreAccountingCodepart{letter}": entity(
            f"PreAccountingCodepart{letter}",
            f"Code{letter}",
            f"Company Code{letter}",
            properties(["Company", f"Code{letter}", "Description"]),
        )
        for letter in "BCD"
    },
}

_ENUMS = {"CustomerOrderState": STATES, "CustomerOrderLineState": STATES}

ORDERS = (
    projection(
        "CustomerOrderHandling",
        "Customer Order",
        {
            "CustomerOrderSet": ORDER,
            "CustomerOrderLineSet": LINE,
            "PreAccountingVirtualSet": VIRTUAL,
            **_REFERENCES,
        },
        [CHARGE, ORDER_ADDRESS, DISTRIBUTION],
        _ENUMS,
        creatable=["CustomerOrderSet", "PreAccountingVirtualSet"],
    ),
    projection(
        "CustomerOrdersHandling",
        "Customer Orders",
        {"CustomerOrderSet": only(ORDER, "CustomerOrder")},
        enums={"CustomerOrderState": STATES},
    ),
    projection(
        "CustomerOrderLinesHandling",
        "Customer Order Lines",
        {"CustomerOrderJoinSet": JOINED_LINE},
        enums={"CustomerOrderLineState": STATES},
    ),
    projection(
        "SalesPartHandling",
        "Sales Parts",
        {"SalesPartSet": SALES_PART, "Reference_Site": _REFERENCES["Reference_Site"]},
    ),
)

_CATALOGUE = entity(
    "Projection", "Projection", "ProjectionName", properties(["ProjectionName", "Description", "ApiClass", "Category"])
)

PROJECTIONS: dict[str, Projection] = {
    p.name: p
    for p in (
        projection("AllProjections", "All projections", {"Projections": _CATALOGUE}),
        *ORDERS,
        *PARTIES,
        *FINANCE,
    )
}
