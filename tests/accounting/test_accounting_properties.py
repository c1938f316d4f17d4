"""Properties of every coherent order: documents that agree to the minor unit, a basis that knows what is an edit."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.totals import Proof, prove
from bcifs_console.domain.codec import decode_customer_order, decode_order, encode
from bcifs_console.domain.money import ZERO, minor_unit
from bcifs_console.domain.orders import Address, Charge, ChargeKind, Coupon, LineType, Order
from bcifs_console.domain.rules import Rules
from tests.accounting.building import (
    ci,
    coherent_orders,
    drafted,
    ex_sum,
    inc_sum,
    official,
    rule_sets,
    totals_blockers,
)


@ci
@given(coherent_orders(), rule_sets)
def test_lines_and_charges_are_the_stores_total_on_both_sides(of: Order, rules: Rules) -> None:
    draft = drafted(of, rules)
    assert draft.total_inc_tax == of.total_inc_tax
    assert draft.total_tax == of.total_tax
    assert inc_sum(draft) == of.total_inc_tax
    assert ex_sum(draft) == of.total_inc_tax - of.total_tax


@ci
@given(coherent_orders(), rule_sets)
def test_every_amount_is_in_minor_units_and_every_untaxed_one_equal_on_both_sides(of: Order, rules: Rules) -> None:
    draft = drafted(of, rules)
    unit = minor_unit(of.currency)
    amounts = [(li.net, li.gross, li.tax) for li in draft.lines] + [(c.ex_tax, c.inc_tax, c.tax) for c in draft.charges]
    for ex, inc, tax in amounts:
        assert ex % unit == 0
        assert inc % unit == 0
        assert tax.group or ex == inc
    assert len({c.key for c in draft.charges}) == len(draft.charges)


@ci
@given(coherent_orders(), rule_sets)
def test_quantity_times_unit_price_rounds_to_each_line(of: Order, rules: Rules) -> None:
    unit = minor_unit(of.currency)
    for sold in drafted(of, rules).lines:
        for price, amount in ((sold.unit_price_ex_tax, sold.net), (sold.unit_price_inc_tax, sold.gross)):
            assert (price * sold.quantity).quantize(unit, ROUND_HALF_UP) == amount


@ci
@given(coherent_orders(), rule_sets)
def test_the_traces_account_for_every_cent_of_every_place(of: Order, rules: Rules) -> None:
    draft = drafted(of, rules)
    places: dict[str, Decimal] = {}
    for trace in draft.traces:
        assert trace.store_field
        assert trace.rule
        name = trace.ifs_field.rsplit(".", 1)[0]
        places[name] = places.get(name, ZERO) + trace.amount
    expected = {f"line:{li.key}": li.gross for li in draft.lines} | {
        f"charge:{c.key}": c.inc_tax for c in draft.charges
    }
    assert places == expected


@ci
@given(coherent_orders(), rule_sets)
def test_a_draft_survives_being_frozen(of: Order, rules: Rules) -> None:
    draft = drafted(of, rules)
    assert decode_customer_order(encode(draft)) == draft


@ci
@given(coherent_orders(), st.data())
def test_leaving_out_refunded_lines_leaves_the_rest_as_it_was(of: Order, data: st.DataObject) -> None:
    whole = drafted(of)
    gone = data.draw(st.sets(st.sampled_from([li.id for li in of.lines])))
    lines = tuple(replace(li, quantity_refunded=li.quantity if li.id in gone else 0) for li in of.lines)
    draft = drafted(replace(of, lines=lines))
    assert inc_sum(draft) == draft.total_inc_tax
    assert ex_sum(draft) == draft.total_inc_tax - draft.total_tax
    assert draft.lines == tuple(li for li in whole.lines if li.order_line_id not in gone)
    proof = prove(of)
    assert isinstance(proof, Proof)
    left_out = sum((s.gross for s in proof.lines if s.line_id in gone), ZERO)
    assert draft.total_inc_tax == of.total_inc_tax - left_out


@ci
@given(coherent_orders(discounts=False, certificates=False), st.integers(-12, 12), st.booleans())
def test_totals_wait_exactly_when_lines_are_off_by_more_than_the_cap(of: Order, steps: int, in_tax: bool) -> None:
    off = steps * minor_unit(of.currency)
    if in_tax:
        changed = replace(of, total_tax=of.total_tax + off, total_ex_tax=of.total_ex_tax - off)
    else:
        changed = replace(of, total_inc_tax=of.total_inc_tax + off, total_ex_tax=of.total_ex_tax + off)
    assert bool(totals_blockers(changed)) is (abs(steps) > 5)


@ci
@given(coherent_orders(), st.integers(-100, 100).filter(bool))
def test_totals_wait_when_ex_and_tax_are_not_inc(of: Order, steps: int) -> None:
    off = steps * minor_unit(of.currency)
    assert totals_blockers(replace(of, total_ex_tax=of.total_ex_tax + off))


def longer(amount: Decimal) -> Decimal:
    """The same amount with zeros behind it."""
    return amount.quantize(Decimal("0.00000000"))


def padded(of: Order) -> Order:
    """The same order with every priced figure written longer, and its parts in another order."""
    lines = tuple(
        replace(
            li,
            price_ex_tax=longer(li.price_ex_tax),
            price_inc_tax=longer(li.price_inc_tax),
            total_ex_tax=longer(li.total_ex_tax),
            total_inc_tax=longer(li.total_inc_tax),
        )
        for li in of.lines
    )
    return replace(
        of,
        lines=lines[::-1],
        charges=of.charges[::-1],
        total_inc_tax=longer(of.total_inc_tax),
        discount_amount=longer(of.discount_amount),
    )


@ci
@given(coherent_orders(), st.integers(0, 14))
def test_the_hash_knows_no_representation_and_no_status(of: Order, status: int) -> None:
    expected = fact_hash(of)
    assert fact_hash(padded(of)) == expected
    assert fact_hash(decode_order(encode(of))) == expected
    moved = replace(
        of,
        status_id=status,
        modified_at=of.placed_at.replace(year=2027),
        taxes=None if of.taxes else (),
        coupons=(Coupon(1, "X", 0, Decimal(1)),),
        billing=Address(city="Elsewhere"),
        shipping=(),
        staff_notes="n",
        items_shipped=3,
        charges=(*of.charges, Charge(ChargeKind.FEE, ZERO, ZERO, ZERO)),
        lines=tuple(replace(li, quantity_shipped=1, quantity_refunded=li.quantity) for li in of.lines),
    )
    assert fact_hash(moved) == expected


def test_the_hash_knows_one_zero_only() -> None:
    of = official()
    zeros = ("0", "0.0000", "-0.0", "0E+2")
    assert len({fact_hash(replace(of, discount_amount=Decimal(zero))) for zero in zeros}) == 1


ONE = Decimal("0.01")
EDITS: tuple[Callable[[Order], Order], ...] = (
    lambda o: replace(o, lines=(replace(o.lines[0], quantity=o.lines[0].quantity + 1), *o.lines[1:])),
    lambda o: replace(o, lines=(replace(o.lines[0], sku=o.lines[0].sku + "x"), *o.lines[1:])),
    lambda o: replace(o, lines=(replace(o.lines[0], id=99), *o.lines[1:])),
    lambda o: replace(o, lines=(*o.lines, replace(o.lines[0], id=99))),
    lambda o: replace(o, lines=o.lines[1:]),
    lambda o: replace(
        o,
        lines=(
            replace(
                o.lines[0], price_ex_tax=o.lines[0].price_ex_tax + ONE, price_inc_tax=o.lines[0].price_inc_tax + ONE
            ),
            *o.lines[1:],
        ),
    ),
    lambda o: replace(o, lines=(replace(o.lines[0], discounted_total_inc_tax=Decimal("123456.78")), *o.lines[1:])),
    lambda o: replace(o, discount_amount=o.discount_amount + ONE),
    lambda o: replace(o, coupon_discount=o.coupon_discount + ONE),
    lambda o: replace(o, charges=(*o.charges, Charge(ChargeKind.FEE, ONE, ONE, ZERO))),
    lambda o: replace(o, currency="GBP"),
    lambda o: replace(o, total_inc_tax=o.total_inc_tax + ONE),
)


@ci
@given(coherent_orders(), st.sampled_from(EDITS))
def test_the_hash_changes_with_every_edit(of: Order, edit: Callable[[Order], Order]) -> None:
    assert fact_hash(edit(of)) != fact_hash(of)


@ci
@given(coherent_orders())
def test_gift_certificates_are_never_order_lines(of: Order) -> None:
    certificates = {li.id for li in of.lines if li.type is LineType.GIFT_CERTIFICATE}
    assert not certificates & {li.order_line_id for li in drafted(of).lines}
