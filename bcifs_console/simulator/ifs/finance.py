"""The voucher projections. Creating vouchers over REST is inferred; the row's fields are recorded."""

from __future__ import annotations

from bcifs_console.simulator.ifs import properties as names
from bcifs_console.simulator.ifs.schema import Action, Navigation, entity, projection, properties
from bcifs_console.simulator.words import words

VOUCHER_STATES = ["AwaitingApproval", "PartiallyApproved", "Confirmed", "Error", "Cancelled"]

ROW = entity(
    "VoucherRow",
    "VoucherRow",
    "Company VoucherType AccountingYear VoucherNo RowNo",
    properties(
        names.VOUCHER_ROW_STRINGS,
        names.VOUCHER_ROW_NUMBERS,
        names.VOUCHER_ROW_BOOLEANS,
        dates=names.VOUCHER_ROW_DATES,
    ),
)

_HEADER_KEY = ("Company", "VoucherType", "AccountingYear", "VoucherNo")

VOUCHER = entity(
    "Voucher",
    "Voucher",
    " ".join(_HEADER_KEY),
    properties(
        words(
            "Company VoucherType UserGroup EnteredByUserGroup Userid VoucherText CurrencyCode CurrencyType "
            "AmountMethod FunctionGroup"
        ),
        ["AccountingYear", "AccountingPeriod", "VoucherNo", "CurrencyRate"],
        dates=["VoucherDate", "EntryDate"],
        enums={"Objstate": "VoucherState"},
    ),
    [Navigation("VoucherRows", "VoucherRow", tuple((field, field) for field in _HEADER_KEY))],
    [Action("Voucher_Confirm")],  # inferred
    has_default=True,
)

_ACCOUNT = entity(
    "Account",
    "Account",
    "Company Account",
    properties(["Company", "Account", "Description", "AccountType"], dates=["ValidFrom", "ValidUntil"]),
)
_TYPE = entity(
    "VoucherType",
    "VoucherType",
    "Company VoucherType",
    properties(["Company", "VoucherType", "Description", "FunctionGroup"]),
)
_PERIOD = entity(
    "AccountingPeriod",
    "AccountingPeriod",
    "Company AccountingYear AccountingPeriod",
    properties(["Company", "PeriodStatus"], ["AccountingYear", "AccountingPeriod"], dates=["ValidFrom", "ValidUntil"]),
)
_RATE = entity(  # inferred
    "CurrencyRateLov",
    "CurrencyRate",
    "Company CurrencyType CurrencyCode ValidFrom",
    properties(
        ["Company", "CurrencyType", "CurrencyCode", "RefCurrencyCode"],
        ["CurrencyRate", "ConvFactor"],
        dates=["ValidFrom"],
    ),
)
_FEE = entity(
    "StatutoryFee", "StatutoryFee", "Company FeeCode", properties(["Company", "FeeCode", "Description"], ["FeeRate"])
)

FINANCE = (
    projection(
        "VoucherHandling",
        "Voucher",
        {
            "VoucherSet": VOUCHER,
            "Reference_Account": _ACCOUNT,
            "Reference_VoucherType": _TYPE,
            "Reference_AccountingPeriod": _PERIOD,
            "Reference_StatutoryFee": _FEE,
            "Reference_CurrencyRate": _RATE,
        },
        [ROW],
        {"VoucherState": VOUCHER_STATES},
        creatable=["VoucherSet"],
    ),
    projection(
        "VoucherRowsAnalysis",
        "Voucher Rows Analysis",
        {"VoucherRowSet": ROW, "Reference_VoucherType": _TYPE},
    ),
)
