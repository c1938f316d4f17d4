"""The customer projections: form page, list page."""

from __future__ import annotations

from bcifs_console.simulator.ifs.schema import (
    Action,
    Navigation,
    Parameter,
    Property,
    entity,
    only,
    projection,
    properties,
)
from bcifs_console.simulator.words import words

_OWN = (("CustomerId", "CustomerId"),)

ADDRESS = entity(
    "CustomerInfoAddress",
    "CustomerInfoAddress",
    "CustomerId AddressId",
    properties(
        words(
            "CustomerId AddressId Name Address1 Address2 Address3 Address4 Address5 Address6 ZipCode City State "
            "County Country CountryCode PartyType EanLocation PrimaryContact SecondaryContact CustomerBranch "
            "JurisdictionCode"
        ),
        booleans=["DefaultDomain"],
        dates=["ValidFrom", "ValidTo"],
    ),
    [
        Navigation("AddressTypes", "AddressType", (*_OWN, ("AddressId", "AddressId"))),
        Navigation("AddressCommunicationMethods", "CommunicationMethod", _OWN),
    ],
)
ADDRESS_TYPE = entity(
    "AddressType",
    "AddressType",
    "CustomerId AddressId AddressTypeCode",
    properties(["CustomerId", "AddressId"], booleans=["DefAddress"], enums={"AddressTypeCode": "AddressTypeCode"}),
)
METHOD = entity(
    "CommunicationMethod",
    "CommMethod",
    "CustomerId CommId",
    properties(
        ["CustomerId", "AddressId", "Name", "Description", "Value"],
        ["CommId"],
        ["MethodDefault", "AddressDefault"],
        dates=["ValidFrom", "ValidTo"],
        enums={"MethodId": "CommMethodCode"},
    ),
)
CONTACT = entity(
    "CustomerInfoContact",
    "CustomerContact",
    "CustomerId PersonId",
    properties(
        words("CustomerId PersonId FullName FirstName LastName Role CustomerAddress Phone Mobile Email Fax NoteText"),
        booleans=["CustomerPrimary", "CustomerSecondary", "BlockedForCrmObjects"],
        dates=["Created", "Changed"],
    ),
)
ORDER_CUSTOMER = entity(
    "CustOrdCustomer",
    "CustOrdCustomer",
    "CustomerNo",
    properties(
        words(
            "CustomerNo CustomerId CurrencyCode CustGrp CustPriceGroupId MarketCode DiscountType BackorderOption "
            "CrStop SalesmanCode OrderId ForwardAgentId TemplateId CyclePeriod NoteText"
        ),
        ["Discount", "Priority"],
        ["ConfirmDeliveries", "PrintAmountsInclTax", "B2bCustomer"],
    ),
)
INVOICE_CUSTOMER = entity(
    "CustomerInvoiceCompany",
    "CustomerInvoice",
    "CustomerId Company",
    properties(
        words(
            "CustomerId Company Identity PayTermId DefCurrency TaxLiability DefVatCode NumerationGroup TaxBookId "
            "CurrencyCode EinvoiceReceiverCode"
        ),
        ["NoInvoiceCopies"],
        ["TaxExempt", "DigitalInvoice"],
        dates=["TaxExemptValidFrom", "TaxExemptValidTo"],
    ),
)
CREDIT = entity(
    "CustomerCreditInfo",
    "CustomerCredit",
    "CustomerId Company",
    properties(
        words(
            "CustomerId Company Identity CreditRating CreditNumber CreditAnalystCode NoteText CreditRelationshipType"
        ),
        ["CreditLimit", "AllowedDueDays", "AllowedDueAmount", "AvgDaysForPayment"],
        ["CreditBlock"],
        dates=["NextReviewDate"],
    ),
)

CUSTOMER = entity(
    "CustomerInfo",
    "CustomerInfo",
    "CustomerId",
    {
        **properties(
            words(
                "CustomerId Name Country CountryCode DefaultLanguage PartyType CustomerCategory "
                "IdentifierRefValidation AssociationNo CorporateForm MainRepresentative CustomerTaxUsageType "
                "BusinessClassification"
            ),
            booleans=["DefaultDomain", "OneTime", "B2bCustomer", "ValidDataProcessingPurpose"],
            dates=["CreationDate", "DateOfRegistration"],
        ),
        # A custom field, as an administrator may add it; the usual way to make e-mails searchable.
        "Cf_Email": Property("Cf_Email", max_length=200),
    },
    [
        Navigation("CustomerInfoAddresses", "CustomerInfoAddress", _OWN),
        Navigation("CommunicationMethods", "CommunicationMethod", _OWN),
        Navigation("CustomerInfoContacts", "CustomerInfoContact", _OWN),
        Navigation("CustOrdCustomers", "CustOrdCustomer", (("CustomerId", "CustomerNo"),)),
        Navigation("CustomerInvoiceCompanies", "CustomerInvoiceCompany", _OWN),
        Navigation("CustomerCreditInfoArray", "CustomerCreditInfo", _OWN),
    ],
    has_default=True,
)

_PUBLIC_ADDRESS = entity(
    "CustomerInfoAddressPublic",
    "CustomerInfoAddress",
    "CustomerId AddressId",
    properties(words("CustomerId AddressId Address1 Address2 ZipCode City State Country Name")),
)


CUSTOMERS_BY_EMAIL = "QuickReport_604444"
_REPORT_ROW = entity("QuickReportRow", "CommMethod", "CUSTOMER_ID", properties(["CUSTOMER_ID", "NAME", "E_MAIL"]))


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name) for name in text.split())


PARTIES = (
    projection(
        "CustomerHandling",
        "Customer",
        {
            "CustomerInfoSet": CUSTOMER,
            "CustOrdCustomerSet": ORDER_CUSTOMER,
            "Reference_CustomerInfoAddressPublic": _PUBLIC_ADDRESS,
        },
        [ADDRESS, ADDRESS_TYPE, METHOD, CONTACT, INVOICE_CUSTOMER, CREDIT],
        {
            "AddressTypeCode": ("Delivery", "Document", "Pay", "PrimaryContact", "Visit"),
            "CommMethodCode": ("Phone", "Mobile", "EMail", "Fax", "Www"),
        },
        actions=[
            Action(
                "CopyExistingCustomer",
                _parameters("CustomerId NewId NewName NewCategory AssociationNo"),
                returns="Edm.String",
            ),
            Action(
                "CreateCustomerContact",
                (
                    *_parameters(
                        "CustomerId PersonId CustomerAddress Role FullName FirstName MiddleName LastName Title "
                        "JobTitle Initials Phone Mobile Email Fax"
                    ),
                    Parameter("CopyAddress", "Edm.Boolean"),
                ),
            ),
        ],
        creatable=["CustomerInfoSet", "CustOrdCustomerSet"],
        functions=[
            Action("AssociationNoExist", _parameters("AssociationNo"), returns="Edm.String"),
            Action("GetCompanyDefaults", _parameters("Company"), returns="Edm.String"),
        ],
    ),
    projection("CustomersHandling", "Customers", {"CustomerInfoSet": only(CUSTOMER, "CustomerInfo")}),
    # What a site writes for itself where no projection answers: SQL as a function. Number and columns are its own.
    projection(
        "QuickReports",
        "Quick reports",
        {},
        [_REPORT_ROW],
        functions=[
            Action(CUSTOMERS_BY_EMAIL, _parameters("CompanyId Email"), returns=f"Collection({_REPORT_ROW.name})")
        ],
    ),
)
