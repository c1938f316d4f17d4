"""Every name of IFS that this package uses, gathered from the profile and from the very bodies that are sent.

The connection test compares them with `$metadata` (`checks.py`). The bodies come from `payloads.py` with a sample
draft, so a property that is sent cannot be left out of the test.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft, TaxTreatment
from bcifs_console.domain.orders import Address, ChargeKind
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Rate, VoucherDraft, VoucherKind, VoucherRow
from bcifs_console.ifs import payloads, voucher_payloads, voucher_records
from bcifs_console.ifs.naming import split_path
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.profile import DeliveryAddressMode, LookupKind
from bcifs_console.ifs.records import CODE_PARTS, PRE_ACCOUNTING_ID, charge_properties, head_properties, line_properties
from bcifs_console.ifs.wire import Record


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity we use: what we read, what we send to it, where we go from it, its actions by profile key."""

    reads: tuple[str, ...] = ()
    bodies: tuple[Record, ...] = ()
    navigations: Mapping[str, "Entity"] = field(default_factory=dict)
    actions: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)  #: key → action, parameters

    @property
    def properties(self) -> frozenset[str]:
        """Every property read or sent."""
        return frozenset(self.reads).union(*self.bodies)

    def joined(self, other: "Entity") -> "Entity":
        """Both uses of one entity together."""
        navigations = dict(self.navigations)
        for name, entity in other.navigations.items():
            navigations[name] = navigations[name].joined(entity) if name in navigations else entity
        return Entity(
            tuple(dict.fromkeys((*self.reads, *other.reads))),
            (*self.bodies, *other.bodies),
            navigations,
            {**self.actions, **other.actions},
        )


@dataclass(frozen=True, slots=True)
class Use:
    """One entity set of one projection. `is_sampled`: the connection test reads a row of it.

    With `parameters` it is a function of the projection instead, asked with these.
    """

    projection: str
    set: str
    entity: Entity
    unbound: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    is_sampled: bool = True
    parameters: tuple[str, ...] | None = None

    def joined(self, other: "Use") -> "Use":
        """Both uses of one set together."""
        return replace(
            self,
            entity=self.entity.joined(other.entity),
            unbound={**self.unbound, **other.unbound},
            is_sampled=self.is_sampled or other.is_sampled,
        )


_MOMENT: Final = datetime(2026, 1, 31, tzinfo=UTC)
_AMOUNT: Final = Decimal(1)
_ADDRESS: Final = Address(
    first_name="A",
    last_name="B",
    street_1="1 Street",
    street_2="Floor 2",
    city="City",
    state="TX",
    zip="12345",
    country_iso2="US",
)
_TAX: Final = TaxTreatment(code="1")
_LINE: Final = LineDraft(1, "PART", "A part", _AMOUNT, _AMOUNT, _AMOUNT, _AMOUNT, _AMOUNT, _TAX)
_CHARGE: Final = ChargeDraft(1, ChargeKind.SHIPPING, "FREIGHT", _AMOUNT, _AMOUNT, _TAX)
_ORDER: Final = CustomerOrderDraft(
    key="BC-1",
    order_id=1,
    customer_id="C1",
    contract="1",
    currency="USD",
    placed_at=_MOMENT,
    price_includes_tax=False,
    lines=(_LINE,),
    charges=(_CHARGE,),
    total_inc_tax=_AMOUNT,
    total_tax=_AMOUNT,
    ship_to=_ADDRESS,
    note="note",
)
_DAY: Final = date(2026, 1, 31)
_VOUCHER: Final = VoucherDraft(
    key="BC-1/PAY/1",
    order_id=1,
    voucher_kind=VoucherKind.PAYMENT,
    fact="tender 1",
    at=_MOMENT,
    day=_DAY,
    currency="USD",
    rows=tuple(
        VoucherRow(Purpose.CLEARING, "1", debit, 1 - debit, tuple((part, "1") for part in CODE_PARTS), "1", "A text")
        for debit in (_AMOUNT, _AMOUNT - 1)
    ),
    rate=Rate(_AMOUNT, "USD"),
)
_CUSTOMER: Final = CustomerDraft("email:a@b.example", "BC1", "A B", "a@b.example", "1", _ADDRESS, "USD", _MOMENT)


def uses(setting: Setting, *, pre_posting: bool, vouchers: bool = False, code_parts: str = "") -> tuple[Use, ...]:
    """All entity sets in use. `pre_posting` and `vouchers` leave out what a connection never does;
    `code_parts` are the letters of those that its mapping gives."""
    parts = setting.profile.sales_part
    found = [
        _order(setting),
        _order_reading(setting),
        Use(parts.projection, parts.set, Entity((parts.key, parts.site))),
    ]
    if pre_posting:
        found += _pre_posting(setting)
    found.append(_customer(setting))
    found += _lookup(setting)
    if setting.profile.customer.is_crawled or setting.profile.customer.directory.search:
        found += _directory(setting)
    if vouchers:
        found += _vouchers(setting)
    return _joined((*found, *_master_data(setting, code_parts)))


def _joined(found: Iterable[Use]) -> tuple[Use, ...]:
    """Each set once, with all that is done with it."""
    by_set: dict[tuple[str, str], Use] = {}
    for use in found:
        name = use.projection, use.set
        by_set[name] = by_set[name].joined(use) if name in by_set else use
    return tuple(by_set.values())


def _master_data(setting: Setting, code_parts: str) -> Iterator[Use]:
    """The lists that `mapping check` asks. Not sampled: that one says itself what it cannot read."""
    lists = setting.profile.master_data
    own = [lists.site, lists.account, lists.tax_code, lists.charge_type, lists.pay_term, lists.ship_via]
    for names in (*own, *(lists.code_part.of_part(letter) for letter in code_parts)):
        if names.path:
            reads = (names.value, names.company, names.site, names.valid_from, names.valid_until)
            yield Use(*split_path(names.path), Entity(tuple(name for name in reads if name)), is_sampled=False)


def _order(setting: Setting) -> Use:
    profile, names = setting.profile, setting.profile.order
    line = (payloads.line("1", _ORDER, _LINE, setting), payloads.quantity(_AMOUNT, setting))
    line_actions = _action("line.cancel_action", profile.line.cancel_action, profile.line.cancel_reason_parameter)
    navigations = {
        profile.line.navigation: Entity(line_properties(profile), line, actions=line_actions),
        profile.charge.navigation: Entity(
            charge_properties(profile), (payloads.charge("1", _ORDER, _CHARGE, setting),)
        ),
    }
    if profile.delivery_address.mode is DeliveryAddressMode.SINGLE_OCCURRENCE:
        body = payloads.delivery_address("1", _ADDRESS, setting)
        navigations[profile.delivery_address.navigation] = Entity(bodies=(body,))
    actions = {
        **_action("order.release_action", names.release_action),
        **_action("order.cancel_action", names.cancel_action, names.cancel_reason_parameter),
    }
    reads = ("OrderNo", names.tracking) if names.tracking else ("OrderNo",)
    entity = Entity(reads, (payloads.header(_ORDER, setting),), navigations, actions)
    return Use(names.projection, names.set, entity)


def _action(profile_key: str, name: str, parameter: str = "") -> dict[str, tuple[str, tuple[str, ...]]]:
    """An action with its one parameter; nothing where the profile names none."""
    return {profile_key: (name, (parameter,) if parameter else ())} if name else {}


def _order_reading(setting: Setting) -> Use:
    names = setting.profile.order
    return Use(names.read_projection, names.read_set, Entity((*head_properties(setting.profile), names.entered_on)))


def _pre_posting(setting: Setting) -> list[Use]:
    names, projection = setting.profile.pre_posting, setting.profile.order.projection
    parts = tuple(names.code_part_property(part) for part in CODE_PARTS)
    reads = (PRE_ACCOUNTING_ID, names.account, "Percentage", *parts)
    row = Entity(reads, (payloads.distribution(1, "1", (), setting),))
    body = payloads.virtual_pre_posting(1, setting)
    virtual = Entity(("Objkey",), (body,), {names.distribution_navigation: row})
    found = [Use(projection, names.virtual_set, virtual, is_sampled=False)]
    if names.read_set:
        found.append(Use(projection, names.read_set, Entity(("ParentPreAccountingId", *reads))))
    return found


def _customer(setting: Setting) -> Use:
    names, made = setting.profile.customer, setting.profile.customer.creation
    reads = ("CustomerId", names.name)
    navigations: dict[str, Entity] = {}
    if made.addresses:
        types = Entity(bodies=tuple(payloads.address_type(code) for code in made.address_type_codes))
        address = payloads.customer_address(_CUSTOMER, setting)
        below = {made.address_types: types} if made.address_types else {}
        navigations[made.addresses] = Entity(bodies=(address,), navigations=below)
    if made.communication:
        navigations[made.communication] = Entity(bodies=(payloads.communication(_CUSTOMER, setting),))
    unbound: dict[str, tuple[str, tuple[str, ...]]] = {}
    if made.template_id:
        parameters = tuple(payloads.customer_copy(_CUSTOMER, setting))
        unbound["customer.creation.copy_action"] = (made.copy_action, parameters)
    else:
        if made.order_info:
            navigations[made.order_info] = Entity(bodies=(payloads.order_info(_CUSTOMER, setting),))
        if made.invoice_info:
            navigations[made.invoice_info] = Entity(bodies=(payloads.invoice_info(_CUSTOMER, setting),))
    bodies = () if made.template_id else (payloads.customer_info(_CUSTOMER, setting),)
    return Use(names.projection, names.set, Entity(reads, bodies, navigations), unbound)


def _lookup(setting: Setting) -> list[Use]:
    lookup = setting.profile.customer.lookup
    if lookup.kind in (LookupKind.NONE, LookupKind.DIRECTORY):
        return []
    if lookup.kind is LookupKind.QUICK_REPORT:
        asked_with = (*lookup.parameters, lookup.parameter)
        return [Use(lookup.projection, lookup.set, Entity(), is_sampled=False, parameters=asked_with)]
    read = (lookup.email_property, lookup.customer_property, lookup.name_property)
    bodies = ({lookup.method_property: lookup.method_member},) if lookup.method_property else ()
    return [Use(lookup.projection, lookup.set, Entity(tuple(name for name in read if name), bodies))]


def _directory(setting: Setting) -> list[Use]:
    """The list of customers; where it is crawled, also what each is reached by."""
    names, customer = setting.profile.customer.directory, setting.profile.customer
    found = [Use(names.projection, names.set, Entity((names.customer_property, names.name_property)))]
    if customer.is_crawled:
        members = tuple({names.method_property: member} for member in (*names.email_members, *names.phone_members))
        methods = Entity((names.method_property, names.value_property), members)
        found.append(Use(customer.projection, customer.set, Entity(navigations={names.methods: methods})))
    return found


def _vouchers(setting: Setting) -> list[Use]:
    names, profile = setting.profile.voucher, setting.profile
    actions = _action("voucher.confirm_action", names.confirm_action)
    header = voucher_payloads.header(_VOUCHER, _DAY, setting)
    head = voucher_records.voucher_head(header, profile)
    bodies = tuple(voucher_payloads.row(head, _VOUCHER, row, setting) for row in _VOUCHER.rows)
    row_reads = voucher_records.row_properties(profile)
    reads = {names.path: voucher_records.head_properties(profile), names.analysis: row_reads}
    for source in names.lookup_sources:
        reads[source.path] = tuple(dict.fromkeys((*reads.get(source.path, row_reads), source.key)))
    below = {names.rows: Entity(row_reads, bodies)}
    found = [
        Use(*split_path(path), Entity(read, (header,), below, actions) if path == names.path else Entity(read))
        for path, read in reads.items()
    ]
    return [*found, *_rates_and_periods(setting)]


def _rates_and_periods(setting: Setting) -> list[Use]:
    rate, period = setting.profile.voucher.rate, setting.profile.voucher.period
    rates = (rate.company, rate.currency, rate.rate, rate.factor, rate.valid_from, rate.type)
    accounting = "" if rate.accounting_currency else rate.accounting_currency_property
    periods = (period.company, period.year, period.period, period.status, period.first_day, period.last_day)
    wanted = {rate.path: (*rates, accounting), period.path: (*periods, period.user_group)}
    return [
        Use(*split_path(path), Entity(tuple(name for name in reads if name))) for path, reads in wanted.items() if path
    ]
