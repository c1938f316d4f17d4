"""Orders, rules and policies for the accounting tests: small builders, and a strategy of coherent random orders."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.plan import plan
from bcifs_console.accounting.totals import Proof, prove
from bcifs_console.domain.buyers import Customer, Known, Unknown
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import (
    ChargeDraft,
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    LedgerPart,
    PartState,
)
from bcifs_console.domain.money import ZERO, minor_unit, rounded
from bcifs_console.domain.orders import (
    Address,
    AppliedDiscount,
    Charge,
    ChargeKind,
    LineType,
    Order,
    OrderLine,
    TaxRow,
)
from bcifs_console.domain.plan import Blocker, Plan, Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Policy, Purpose, Rules

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACED = datetime(2026, 3, 5, 21, 40, 11, tzinfo=UTC)
POLICY = Policy(start_at=START, contract="100")
KNOWN = Known("C100")
HOME = Address(1, "Jane", "Doe", street_1="1 Elm", city="Austin", zip="78108", country_iso2="US", email="j@x.org")

#: How much the property tests do in continuous integration.
ci = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def dec(text: str | int | Decimal) -> Decimal:
    return Decimal(text)


def rule(purpose: Purpose, result: str, position: int = 1, **conditions: str | tuple[str, ...]) -> MappingRule:
    """A rule whose conditions are given by field name: `rule(Purpose.TAX, "code:S", tax_rate="20")`."""
    tested = tuple(
        Condition(ConditionField(name), patterns if isinstance(patterns, tuple) else (patterns,))
        for name, patterns in conditions.items()
    )
    return MappingRule(purpose, position, result, tested)


REVENUE = rule(Purpose.REVENUE, "4000")
RULES = Rules((REVENUE, *default_rules()))
DEFAULT_TAX = Rules((REVENUE, rule(Purpose.TAX, "default"), *default_rules()))


def line(
    id: int = 1,
    *,
    ex: str,
    inc: str,
    quantity: int = 1,
    after: str | None = "",
    discount: str = "",
    **more: Any,
) -> OrderLine:
    """A line by its totals before discounts; `after` is discounted_total_inc_tax, by default what discounts leave."""
    total_ex, total_inc = dec(ex), dec(inc)
    discounts = (AppliedDiscount("manual-discount", dec(discount)),) if discount else ()
    stated = total_inc - dec(discount or 0) if after == "" else after
    whole = OrderLine(
        id=id,
        sku=f"sku-{id}",
        name=f"Item {id}",
        type=LineType.PHYSICAL,
        quantity=quantity,
        price_ex_tax=(total_ex / quantity if quantity > 0 else total_ex).quantize(dec("0.0001")),
        price_inc_tax=(total_inc / quantity if quantity > 0 else total_inc).quantize(dec("0.0001")),
        total_ex_tax=total_ex,
        total_inc_tax=total_inc,
        total_tax=total_inc - total_ex,
        discounted_total_inc_tax=None if stated is None else dec(stated),
        applied_discounts=discounts,
        address_id=1,
    )
    return replace(whole, **more)


def charge(kind: ChargeKind, ex: str, tax: str, **more: Any) -> Charge:
    return Charge(kind, dec(ex), dec(ex) + dec(tax), dec(tax), **more)


def shipping(ex: str, tax: str) -> Charge:
    return charge(ChargeKind.SHIPPING, ex, tax)


def order(lines: Sequence[OrderLine], *, inc: str, tax: str, **more: Any) -> Order:
    """An order by its total including tax and its tax."""
    total, total_tax = dec(inc), dec(tax)
    whole = Order(
        id=5001,
        status_id=11,
        status="Awaiting Fulfillment",
        customer_id=17,
        placed_at=PLACED,
        modified_at=PLACED,
        currency="USD",
        total_ex_tax=total - total_tax,
        total_inc_tax=total,
        total_tax=total_tax,
        subtotal_ex_tax=sum((li.total_ex_tax for li in lines), ZERO),
        subtotal_inc_tax=sum((li.total_inc_tax for li in lines), ZERO),
        tax_inclusive=False,
        lines=tuple(lines),
        billing=HOME,
        shipping=(HOME,),
    )
    return replace(whole, **more)


def official(**more: Any) -> Order:
    """The store's own documented example: flag false, yet the discounts stand on the tax-inclusive side."""
    sold = line(
        ex="62.6793",
        inc="67.8400",
        quantity=4,
        after="57.8400",
        discount="10.0000",
        price_ex_tax=dec("15.6698"),
        price_inc_tax=dec("16.9600"),
    )
    figures: dict[str, Any] = {
        "charges": (shipping("11.0900", "0.9100"),),
        "discount_amount": dec("5.0000"),
        "coupon_discount": dec("5.0000"),
    }
    whole = order([sold], inc="69.8400", tax="5.3100", **figures)
    return replace(whole, **more)


def planned(
    of: Order, rules: Rules = RULES, policy: Policy = POLICY, customer: Customer = KNOWN, ledger: Ledger | None = None
) -> Plan:
    return plan(of, customer, rules, policy, ledger or Ledger())


def drafted(of: Order, rules: Rules = RULES, policy: Policy = POLICY) -> CustomerOrderDraft:
    """The draft of an order that must plan cleanly."""
    answer = planned(of, rules, policy)
    assert answer.blockers == ()
    (draft,) = answer.documents
    return draft


def units(quantity: int = 3, shipped: int = 0, refunded: int = 0, type: LineType = LineType.PHYSICAL) -> Order:
    sold = line(ex="30", inc="36", quantity=quantity, quantity_shipped=shipped, quantity_refunded=refunded, type=type)
    return order([sold], inc="36", tax="6")


def sent(of: Order, rules: Rules = RULES) -> Ledger:
    """A ledger that holds the customer order of `of`, frozen."""
    draft = drafted(of, rules)
    return Ledger(
        (
            LedgerDocument(
                id=1,
                connection_id=1,
                subject="order:5001",
                key=draft.key,
                kind=DocumentKind.CUSTOMER_ORDER,
                state=DocumentState.CONFIRMED,
                fact_hash=draft.fact_hash,
                amount=draft.total_inc_tax,
                currency=draft.currency,
                reference="C9001",
                etag="",
                draft=encode(draft),
                created_at=PLACED,
            ),
        )
    )


def with_part(ledger: Ledger, name: str, state: PartState) -> Ledger:
    (document,) = ledger.documents
    return Ledger((replace(document, parts=(*document.parts, LedgerPart(name, 9, state))),))


def released(ledger: Ledger) -> Ledger:
    """The same once IFS has confirmed its release."""
    return with_part(ledger, "release", PartState.CONFIRMED)


def followed(before: Order, after: Order, policy: Policy = POLICY) -> Plan:
    """The plan for `after` once `before` was sent; by then the rules and the customer may be gone."""
    return planned(after, Rules(), policy, Unknown(), sent(before))


def proven(of: Order) -> Proof:
    proof = prove(of)
    assert isinstance(proof, Proof), proof
    return proof


def totals_blockers(of: Order) -> tuple[Blocker, ...]:
    answer = prove(of)
    return () if isinstance(answer, Proof) else tuple(b for b in answer if b.reason is Reason.TOTALS)


def charges_of(draft: CustomerOrderDraft, kind: ChargeKind) -> list[ChargeDraft]:
    return [c for c in draft.charges if c.kind is kind]


def inc_sum(draft: CustomerOrderDraft) -> Decimal:
    """What IFS shows including tax: Σ lines + Σ charges."""
    return sum((li.gross for li in draft.lines), ZERO) + sum((c.inc_tax for c in draft.charges), ZERO)


def ex_sum(draft: CustomerOrderDraft) -> Decimal:
    """The same before tax; a tax charge is tax, whatever IFS calls it."""
    charges = (c.ex_tax for c in draft.charges if c.kind is not ChargeKind.TAX)
    return sum((li.net for li in draft.lines), ZERO) + sum(charges, ZERO)


COSTS = (ChargeKind.SHIPPING, ChargeKind.HANDLING, ChargeKind.WRAPPING)
RATES = ("0", "5.5", "8.25", "20")

#: Every way to carry tax, alone and mixed on one order.
TAX_RULES = (
    (rule(Purpose.TAX, "charge:SALESTAX"),),
    (rule(Purpose.TAX, "default"),),
    (rule(Purpose.TAX, "code:Z", 1, tax_rate="0"), rule(Purpose.TAX, "code:S", 2)),
    (rule(Purpose.TAX, "charge:VAT", 1, sku="*-1"), rule(Purpose.TAX, "code:S", 2)),
    (
        rule(Purpose.TAX, "code:F", 1, charge="*"),
        rule(Purpose.TAX, "charge:A", 2, sku="*-2"),
        rule(Purpose.TAX, "default", 3),
    ),
)
rule_sets = st.sampled_from(TAX_RULES).map(lambda taxes: Rules((REVENUE, *taxes, *default_rules())))


@st.composite
def coherent_orders(draw: st.DrawFn, *, discounts: bool = True, certificates: bool = True) -> Order:
    """An order whose figures agree the way a store's do: four-decimal lines, order totals in minor units."""
    currency = draw(st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
    unit = minor_unit(currency)
    inclusive = draw(st.booleans())
    percent = draw(st.sampled_from([0, 0, 10, 33, 100])) if discounts else 0
    on_ex_side = draw(st.booleans())
    count = draw(st.integers(1, 6))
    lines: list[OrderLine] = []
    rows: list[TaxRow] = []
    taken = ZERO
    for number in range(1, count + 1):
        certificate = certificates and draw(st.integers(0, 9)) == 0
        rate = dec("0" if certificate else draw(st.sampled_from(RATES)))
        price = draw(st.integers(0, 20_000)) * unit
        quantity = draw(st.integers(1, 12))
        made, tax_after, discount = coherent_line(
            number, price, quantity, rate, inclusive=inclusive, percent=percent, on_ex_side=on_ex_side
        )
        if certificate:
            made = replace(made, type=LineType.GIFT_CERTIFICATE)
        lines.append(made)
        taken += discount
        rows.append(TaxRow(f"Tax {rate}", rate, tax_after, "Default", "item", number, 1))
    charges = tuple(
        Charge(kind, net, net + tax, tax)
        for kind in draw(
            st.lists(st.sampled_from([ChargeKind.SHIPPING, ChargeKind.HANDLING, ChargeKind.WRAPPING]), unique=True)
        )
        for net, tax in [(draw(st.integers(0, 3000)) * unit, draw(st.integers(0, 400)) * unit)]
    )
    gross = sum((dec(li.discounted_total_inc_tax or 0) for li in lines), ZERO)
    tax = sum((row.amount for row in rows), ZERO)
    total = rounded(gross, currency) + sum((c.inc_tax for c in charges), ZERO)
    total_tax = rounded(tax, currency) + sum((c.tax for c in charges), ZERO)
    if draw(st.booleans()):
        lines = [replace(li, discounted_total_inc_tax=None) for li in lines]
    return order(
        lines,
        inc=str(total),
        tax=str(total_tax),
        currency=currency,
        tax_inclusive=inclusive,
        charges=charges,
        discount_amount=taken,
        taxes=tuple(rows) if draw(st.booleans()) else None,
    )


def coherent_line(
    number: int, price: Decimal, quantity: int, rate: Decimal, *, inclusive: bool, percent: int, on_ex_side: bool
) -> tuple[OrderLine, Decimal, Decimal]:
    """A line, its tax after discounts and its discount, each to four decimals as the store serves them."""
    four = dec("0.0001")
    factor = 1 + rate / 100
    price_ex = (price / factor).quantize(four) if inclusive else price
    price_inc = price if inclusive else (price * factor).quantize(four)
    total_ex, total_inc = price_ex * quantity, price_inc * quantity
    side = total_ex if on_ex_side else total_inc
    discount = (side * percent / 100).quantize(four)
    after = (total_inc * (100 - percent) / 100).quantize(four) if on_ex_side else total_inc - discount
    tax_after = ((total_inc - total_ex) * (100 - percent) / 100).quantize(four)
    made = line(
        number,
        ex=str(total_ex),
        inc=str(total_inc),
        quantity=quantity,
        after=str(after),
        price_ex_tax=price_ex,
        price_inc_tax=price_inc,
        applied_discounts=(AppliedDiscount("total-coupon", discount),) if discount else (),
    )
    return made, tax_after, discount
