"""Drafts to request bodies: which property of IFS carries what (facts §4, §5). Pure; nothing is sent here.

Nulls and empty texts are left out. Unit prices and charges carry their own tax side each; the discount stays 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft, TaxTreatment
from bcifs_console.domain.orders import Address
from bcifs_console.ifs.odata import compact
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.wire import Record


@dataclass(frozen=True, slots=True)
class Setting:
    """What a body needs beside its draft: the connection's company and site, the profile, the site's time zone."""

    access: IfsAccess
    profile: Profile
    zone: ZoneInfo

    def timestamp(self, moment: datetime) -> str:
        """`moment` as IFS wants it: wall time of the site behind a misleading Z, or true UTC when the profile says
        that times are zone-aware (facts §3)."""
        local = moment.astimezone(UTC if self.profile.tz_aware_header else self.zone)
        return local.strftime("%Y-%m-%dT%H:%M:%SZ")

    def calendar_date(self, moment: datetime) -> str:
        """The site's calendar date of `moment`."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d")

    def midnight(self, day: date) -> str:
        """When `day` begins at the site, as IFS wants it."""
        return self.timestamp(datetime.combine(day, time.min, self.zone))

    def day_of(self, stamp: str) -> date | None:
        """The site's calendar date of a time that IFS wrote; None where it is none."""
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            return None
        if self.profile.tz_aware_header and moment.tzinfo is not None:
            return moment.astimezone(self.zone).date()
        return moment.date()  # wall time of the site behind a misleading Z

    def wanted_delivery(self, draft: CustomerOrderDraft) -> str:
        """Order time plus the profile's days, counted on the site's calendar."""
        days = timedelta(days=self.profile.order.wanted_delivery_days)
        return self.timestamp(draft.placed_at.astimezone(self.zone) + days)


def header(draft: CustomerOrderDraft, setting: Setting) -> Record:
    """Body for a new customer order."""
    names = setting.profile.order
    body: dict[str, object] = {
        **names.defaults,
        "CustomerNo": draft.customer_id,
        names.reference: draft.key,
        "BillAddrNo": names.address_id,
        "ShipAddrNo": names.address_id,
        "CurrencyCode": draft.currency,
        "Contract": draft.contract,
        "WantedDeliveryDate": setting.wanted_delivery(draft),
        "UsePriceInclTax": draft.price_includes_tax,
    }
    if draft.ship_via:
        body["ShipViaCode"] = draft.ship_via
    if draft.pay_term:
        body["PayTermId"] = draft.pay_term
    if names.note:
        body[names.note] = draft.note
    return compact(body)


def line(order_no: str, draft: CustomerOrderDraft, row: LineDraft, setting: Setting) -> Record:
    """Body for one order line."""
    names = setting.profile.line
    wanted = setting.wanted_delivery(draft)
    body: dict[str, object] = {
        **names.defaults,
        "OrderNo": order_no,
        "Identity1": order_no,
        names.reference: row.key,
        "DeliverToCustomerNo": draft.customer_id,
        "ShipAddrNo": setting.profile.order.address_id,
        "Contract": draft.contract,
        "WantedDeliveryDate": wanted,
        "PlannedDeliveryDate": wanted,
        "TargetDate": wanted,
        "CatalogNo": row.catalog_no,
        **dict.fromkeys(names.quantities, row.quantity),
        "SaleUnitPrice": row.unit_price_ex_tax,
        "BaseSaleUnitPrice": row.unit_price_ex_tax,
        "UnitPriceInclTax": row.unit_price_inc_tax,
        "BaseUnitPriceInclTax": row.unit_price_inc_tax,
        **_tax(row.tax, names.fetch_tax),
    }
    if names.description:
        body[names.description] = row.description
    return compact(body)


def quantity(wanted: Decimal, setting: Setting) -> Record:
    """Body that changes the quantity of a line."""
    return dict.fromkeys(setting.profile.line.quantities, wanted)


def noted(existing: str, note: str, setting: Setting) -> str:
    """The order's text with `note` as our part of it: from the heading to the next empty line (profile).

    What else stands there is kept; where it all gets too long, our part is cut.
    """
    names = setting.profile.order
    heading = names.tracking_heading
    kept: list[str] = []
    is_ours = False
    for row in existing.splitlines():
        is_ours = row == heading or (is_ours and bool(row.strip()))
        if not is_ours:
            kept.append(row)
    before = "\n".join(kept).strip("\n")
    room = names.tracking_length - (len(before) + 2 if before else 0)
    own = "\n".join([heading, *(row for row in note.splitlines() if row.strip())])
    if len(own) > room:
        own = f"{own[: max(room - 1, 0)]}…" if room > len(heading) else ""
    return "\n\n".join(part for part in (before, own) if part)


def charge(order_no: str, draft: CustomerOrderDraft, row: ChargeDraft, setting: Setting) -> Record:
    """Body for one charge; a discount comes with negative amounts."""
    names = setting.profile.charge
    return compact(
        {
            **names.defaults,
            "OrderNo": order_no,
            "DeliveryAddress": setting.profile.order.address_id,
            "Contract": draft.contract,
            "Company": setting.access.company,
            "ChargeType": row.charge_type,
            "ChargeAmount": row.ex_tax,
            "BaseChargeAmount": row.ex_tax,
            "ChargeAmountInclTax": row.inc_tax,
            "BaseChargeAmtInclTax": row.inc_tax,
            **_tax(row.tax, names.fetch_tax),
        }
    )


def _tax(treatment: TaxTreatment, fetch_tax: str) -> dict[str, object]:
    """Tax fetched by IFS, or exactly the code named, or none (`TaxTreatment`). The flag is text (facts §3)."""
    body: dict[str, object] = {} if treatment.from_defaults else {"TaxCode": treatment.code}
    if fetch_tax:
        body[fetch_tax] = "TRUE" if treatment.from_defaults else "FALSE"
    return body


def delivery_address(order_no: str, address: Address, setting: Setting) -> Record:
    """Body for the order's own delivery address."""
    names = setting.profile.delivery_address
    body: dict[str, object] = {
        "OrderNo": order_no,
        names.name: address.company or address.name,
        names.address1: address.street_1,
        names.zip_code: address.zip,
        names.city: address.city,
        names.country: address.country_iso2,
    }
    if names.address2:
        body[names.address2] = address.street_2
    if names.state:
        body[names.state] = address.state
    return compact(body)


def virtual_pre_posting(pre_accounting_id: int, setting: Setting) -> Record:
    """Body that opens the pre-posting of a line for editing."""
    return compact(
        {
            "PreAccountingId": pre_accounting_id,
            "Contract": setting.access.site,
            "Company": setting.access.company,
        }
    )


def distribution(
    pre_accounting_id: int, account: str, code_parts: Sequence[tuple[str, str]], setting: Setting
) -> Record:
    """Body for one distribution row that takes the whole amount."""
    names = setting.profile.pre_posting
    return compact(
        {
            "PreAccountingId": pre_accounting_id,
            "ParentPreAccountingId": pre_accounting_id,
            "Company": setting.access.company,
            "Contract": setting.access.site,
            "Percentage": names.percentage_full,
            names.account: account,
            **{names.code_part_property(part): value for part, value in code_parts},
        }
    )


def customer_info(draft: CustomerDraft, setting: Setting) -> Record:
    """Body for a new customer."""
    names = setting.profile.customer
    body: dict[str, object] = {
        **names.creation.info_defaults,
        "CustomerId": draft.customer_id,
        names.name: draft.name,
        "CreationDate": setting.calendar_date(draft.created_on),
        "Country": draft.address.country_iso2,
        "CountryCode": draft.address.country_iso2,
    }
    if names.creation.email_property:
        body[names.creation.email_property] = draft.email
    return compact(body)


def customer_copy(draft: CustomerDraft, setting: Setting) -> Record:
    """Parameters of the action that copies the template customer."""
    creation = setting.profile.customer.creation
    return compact(
        {
            "CustomerId": creation.template_id,
            "NewId": draft.customer_id,
            "NewName": draft.name,
            "NewCategory": creation.info_defaults.get("CustomerCategory", ""),
        }
    )


def customer_address(draft: CustomerDraft, setting: Setting) -> Record:
    """Body for the customer's address."""
    names = setting.profile.customer
    address = draft.address
    return compact(
        {
            **names.creation.address_defaults,
            "CustomerId": draft.customer_id,
            "AddressId": names.address_id,
            "Name": address.company or address.name or draft.name,
            "Address1": address.street_1,
            "Address2": address.street_2,
            "ZipCode": address.zip,
            "City": address.city,
            "State": address.state,
            "Country": address.country_iso2,
        }
    )


def address_type(code: str) -> Record:
    """Body for one use of an address: Delivery makes it ship-to, Document bill-to (facts §4)."""
    return {"AddressTypeCode": code, "DefAddress": True}


def communication(draft: CustomerDraft, setting: Setting) -> Record:
    """Body for the customer's e-mail address."""
    method = setting.profile.customer.creation.email_method
    return {"Name": draft.name, "MethodId": method, "Value": draft.email, "MethodDefault": True}


def order_info(draft: CustomerDraft, setting: Setting) -> Record:
    """Body that lets the customer take orders."""
    defaults: Mapping[str, object] = setting.profile.customer.creation.order_info_defaults
    return compact({**defaults, "CustomerNo": draft.customer_id, "CurrencyCode": draft.currency})


def invoice_info(draft: CustomerDraft, setting: Setting) -> Record:
    """Body that lets the company invoice the customer."""
    defaults: Mapping[str, object] = setting.profile.customer.creation.invoice_info_defaults
    return compact(
        {
            **defaults,
            "Company": setting.access.company,
            "Identity": draft.customer_id,
            "DefCurrency": draft.currency,
        }
    )
