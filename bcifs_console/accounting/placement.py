"""Placing an order in IFS: what the rules say about each line and charge, and what they fail to say.

Every subject is asked about, so that a person sees all that is missing at once. No amounts here: `totals` has them,
and `customer_order` brings both together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bcifs_console.accounting.mapping import (
    Facts,
    RuleBook,
    facts_of_charge,
    facts_of_line,
    facts_of_order,
    facts_of_tax,
    rate_text,
)
from bcifs_console.domain.documents import EMPTY_TREATMENT, TaxTreatment
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Charge, ChargeKind, LineType, Order, OrderLine, TaxRow
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Allocation, ConditionField, MappingRule, Policy, Purpose, Question, Rules

#: IFS CatalogNo holds 25 characters (facts: IFS §5).
SALES_PART_LENGTH: Final = 25


#: line_item_type of a `/taxes` row by the charge it belongs to (facts §3.5); fees have none.
_TAX_ROW_TYPES: Final = {
    ChargeKind.SHIPPING: "shipping",
    ChargeKind.HANDLING: "handling",
    ChargeKind.WRAPPING: "gift-wrapping",
}


@dataclass(frozen=True, slots=True)
class TaxPlace:
    """How a subject's tax is carried. With `charge_type` the subject stays untaxed and its tax becomes that charge."""

    treatment: TaxTreatment = EMPTY_TREATMENT
    charge_type: str = ""
    rule: str = ""

    @property
    def as_charge(self) -> bool:
        return bool(self.charge_type)


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where an order line goes. `account` and `code_parts` only under pre-posting."""

    catalog_no: str
    account: str
    code_parts: tuple[tuple[str, str], ...]
    rule: str  #: what chose the account
    tax: TaxPlace


@dataclass(frozen=True, slots=True)
class ChargePlace:
    charge_type: str
    rule: str
    tax: TaxPlace


NOWHERE: Final = ChargePlace("", "", TaxPlace())


@dataclass(frozen=True, slots=True)
class Placement:
    """The rules' answers for one order. With blockers it is incomplete and only they may be used."""

    lines: Mapping[int, LinePlace]  #: by order_product_id
    gift_certificates: Mapping[int, ChargePlace]  #: by order_product_id of the line that sells one
    charges: tuple[ChargePlace, ...]  #: beside the charges asked about
    discount: ChargePlace  #: NOWHERE where nothing was taken off
    pay_term: str
    ship_via: str
    blockers: tuple[Blocker, ...]


def place(
    order: Order,
    rules: Rules,
    policy: Policy,
    lines: Iterable[OrderLine],
    charges: Sequence[Charge],
    *,
    discounted: bool,
) -> Placement:
    """Ask the rules about `lines` and `charges` of `order`, and about its discount when there is one."""
    placer = _Placer(order, RuleBook(rules), policy)
    sold = tuple(lines)
    certificates = [line for line in sold if line.type is LineType.GIFT_CERTIFICATE]
    goods = [line for line in sold if line.type is not LineType.GIFT_CERTIFICATE]
    return Placement(
        lines={line.id: placer.line(line) for line in goods},
        gift_certificates={line.id: placer.gift_certificate(line) for line in certificates},
        charges=tuple(placer.charge(charge) for charge in charges),
        discount=placer.discount() if discounted else NOWHERE,
        pay_term=placer.optional(Purpose.PAY_TERM),
        ship_via=placer.optional(Purpose.SHIP_VIA),
        blockers=tuple(dict.fromkeys(placer.blockers)),
    )


def rows_of_line(order: Order, line: OrderLine) -> tuple[TaxRow, ...]:
    """The line's tax rows; a bundle child at price 0 is taxed as its parent is."""
    rows = order.taxes or ()
    own = tuple(r for r in rows if r.line_type == "item" and r.order_line_id == line.id)
    if own or not line.parent_id or line.total_inc_tax:
        return own
    return tuple(r for r in rows if r.line_type == "item" and r.order_line_id == line.parent_id)


def rows_of_charge(order: Order, kind: ChargeKind) -> tuple[TaxRow, ...]:
    """The tax rows of a kind of charge; fees have none."""
    wanted = _TAX_ROW_TYPES.get(kind)
    return tuple(row for row in order.taxes or () if row.line_type == wanted)


class _Placer:
    """Asks the rule book and gathers what it does not answer."""

    def __init__(self, order: Order, book: RuleBook, policy: Policy) -> None:
        self._order = order
        self._book = book
        self._policy = policy
        self.blockers: list[Blocker] = []

    def line(self, line: OrderLine) -> LinePlace:
        facts = facts_of_line(self._order, line)
        account, rule = "", "posting control"
        code_parts: tuple[tuple[str, str], ...] = ()
        if self._policy.allocation is Allocation.PRE_POSTING:
            account, rule = self._revenue(line, facts)
            code_parts = self._book.code_parts(facts)
        tax = self._tax(
            facts, rows_of_line(self._order, line), f"line {_named(line)}", is_taxed=_is_taxed(self._order, line)
        )
        return LinePlace(self._sales_part(line, facts), account, code_parts, rule, tax)

    def gift_certificate(self, line: OrderLine) -> ChargePlace:
        """A sold gift certificate is a liability, not revenue: a charge without tax (ACCOUNTING §3)."""
        facts = facts_of_line(self._order, line) | {ConditionField.CHARGE: ChargeKind.GIFT_CERTIFICATE.value}
        charge_type, rule = self._charge_type(facts, ChargeKind.GIFT_CERTIFICATE)
        return ChargePlace(charge_type, rule, TaxPlace(rule=rule))

    def charge(self, charge: Charge) -> ChargePlace:
        facts = facts_of_charge(self._order, charge)
        charge_type, rule = self._charge_type(facts, charge.kind)
        rows = rows_of_charge(self._order, charge.kind)
        return ChargePlace(charge_type, rule, self._tax(facts, rows, f"charge {charge.kind}", is_taxed=charge.tax != 0))

    def discount(self) -> ChargePlace:
        facts = facts_of_order(self._order) | {ConditionField.CHARGE: ChargeKind.DISCOUNT.value}
        charge_type, rule = self._charge_type(facts, ChargeKind.DISCOUNT)
        return ChargePlace(charge_type, rule, TaxPlace())

    def optional(self, purpose: Purpose) -> str:
        rule = self._book.first(purpose, facts_of_order(self._order))
        return rule.result if rule else ""

    def _revenue(self, line: OrderLine, facts: Facts) -> tuple[str, str]:
        rule = self._book.first(Purpose.REVENUE, facts)
        if rule and rule.result:
            return rule.result, rule.label
        self._missing(
            f"No revenue account for {_named(line)}.",
            f"Set revenue_account in the connection's [mapping], or add a revenue rule that matches {_named(line)}.",
            _named(line),
            Purpose.REVENUE,
            facts,
        )
        return "", ""

    def _sales_part(self, line: OrderLine, facts: Facts) -> str:
        rule = self._book.first(Purpose.SALES_PART, facts)
        part = rule.result if rule else line.sku.strip().upper()
        if not part:
            self._missing(
                f"{_named(line)} has no SKU, so it names no sales part.",
                f"Give the product a SKU, or add a sales_part rule that matches the name {line.name!r}.",
                _named(line),
                Purpose.SALES_PART,
                facts,
            )
        elif len(part) > SALES_PART_LENGTH:
            self._missing(
                f"Sales part {part!r} is {len(part)} characters long; IFS takes {SALES_PART_LENGTH}.",
                f"Add a sales_part rule that gives {_named(line)} a part number of at most {SALES_PART_LENGTH} "
                f"characters.",
                _named(line),
                Purpose.SALES_PART,
                facts,
            )
        return part

    def _charge_type(self, facts: Facts, kind: ChargeKind) -> tuple[str, str]:
        rule = self._book.first(Purpose.CHARGE_TYPE, facts)
        if rule and rule.result:
            return rule.result, rule.label
        self._missing(
            f"No IFS charge type for {kind}.",
            f"Add a charge_type rule with charge = {kind} to the mapping.",
            f"charge {kind}",
            Purpose.CHARGE_TYPE,
            facts,
        )
        return "", ""

    def _tax(self, facts: Facts, rows: tuple[TaxRow, ...], subject: str, *, is_taxed: bool) -> TaxPlace:
        """The treatment all of the subject's tax rows agree on.

        Without rows an untaxed subject has the rate 0; of a taxed one nothing is known, so that rules which test
        tax facts do not match it (the store may forget its tax rows after a refund, facts §7.14).
        """
        if rows:
            cases = [(f"{row.name} {rate_text(row.rate)} %", facts_of_tax(facts, row)) for row in rows]
        elif is_taxed:
            cases = [("", dict(facts))]
        else:
            cases = [("0 %", {**facts, ConditionField.TAX_RATE: "0"})]
        found = [self._tax_place(f"{subject}, {name}" if name else subject, case) for name, case in cases]
        places = [place for place in found if place is not None]
        if len({(p.treatment, p.charge_type) for p in places}) > 1:
            names = ", ".join(dict.fromkeys(name for name, _ in cases))
            self._missing(
                f"The taxes on {subject} ({names}) are mapped differently: "
                f"{', '.join(dict.fromkeys(p.rule for p in places))}.",
                "Change the tax rules so that all taxes of one line or charge give the same result.",
                f"tax on {subject}",
                Purpose.TAX,
                facts,
            )
        if not places:
            return TaxPlace()
        rule = ", ".join(dict.fromkeys(p.rule for p in places))
        return TaxPlace(places[0].treatment, places[0].charge_type, rule)

    def _tax_place(self, subject: str, facts: Facts) -> TaxPlace | None:
        rule = self._book.first(Purpose.TAX, facts)
        if rule is None:
            self._missing(
                f"No tax rule for {subject}.",
                "Add a tax rule whose result is code:X, default or charge:TYPE.",
                f"tax on {subject}",
                Purpose.TAX,
                facts,
            )
            return None
        parsed = _parsed_tax(rule)
        if parsed is None:
            self._missing(
                f"Rule {rule.label} gives {rule.result!r}, which says no tax treatment.",
                "Change its result to code:X, default or charge:TYPE.",
                f"rule {rule.label}",
                Purpose.TAX,
                facts,
            )
        return parsed

    def _missing(self, message: str, remedy: str, subject: str, purpose: Purpose, facts: Facts) -> None:
        question = Question(purpose, tuple(facts.items()))
        self.blockers.append(Blocker(Reason.MAPPING, message, remedy, subject, question=question))


def tax_result(text: str) -> tuple[TaxTreatment, str] | None:
    """What the result of a tax rule says (ACCOUNTING §4): the treatment, and the charge type where tax is a charge.

    None where it is none of the three forms.
    """
    mode, _, value = (part.strip() for part in text.partition(":"))
    match mode.lower(), value:
        case "default", "":
            return TaxTreatment(from_defaults=True), ""
        case "code", str(code) if code:
            return TaxTreatment(code=code), ""
        case "charge", str(charge_type) if charge_type:
            return EMPTY_TREATMENT, charge_type
        case _:
            return None


def _parsed_tax(rule: MappingRule) -> TaxPlace | None:
    found = tax_result(rule.result)
    return None if found is None else TaxPlace(*found, rule=rule.label)


def _named(line: OrderLine) -> str:
    """How a line is named to people."""
    return f"SKU {line.sku.strip()}" if line.sku.strip() else f"item {line.name!r}"


def _is_taxed(order: Order, line: OrderLine) -> bool:
    """Whether the line bears tax; a bundle child at price 0 as its parent does."""
    if line.total_inc_tax or not line.parent_id:
        return line.total_tax != ZERO
    return any(parent.total_tax != ZERO for parent in order.lines if parent.id == line.parent_id)
