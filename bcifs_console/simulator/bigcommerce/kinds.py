"""Every kind of order the simulator places, each a small pure function of its dice. `DECK` is the default mix."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from bcifs_console.simulator import world
from bcifs_console.simulator.bigcommerce.drafts import OrderDraft, Payment, billing_of
from bcifs_console.simulator.bigcommerce.pricing import (
    Amount,
    Discount,
    Fee,
    LineDraft,
    Pricing,
    Tax,
    price,
    taxed,
)
from bcifs_console.simulator.money import ONE, ZERO, rounded

Maker = Callable[[random.Random], OrderDraft]

US_TAX = Tax(Decimal("8.25"), "Sales Tax")
NO_TAX = Tax(ZERO, "Exempt", "Non-Taxable Products", 1)
VAT = Tax(Decimal(20), "VAT", "Standard VAT", 2)
VAT_ZERO = Tax(ZERO, "VAT zero", "Zero-rated VAT", 3)
JP_TAX = Tax(Decimal(10), "Consumption Tax", "Default Tax Class", 0)
GCC_TAX = Tax(Decimal(5), "GCC VAT", "Default Tax Class", 0)

# Prices are kept in USD; other currencies are priced at these rates.
_RATES = {"USD": ONE, "EUR": Decimal("0.92"), "GBP": Decimal("0.79"), "JPY": Decimal("151.2"), "KWD": Decimal("0.307")}

_SHELF = tuple(
    part
    for part in world.PARTS
    if part.product_id
    and part.in_ifs
    and part.kind == "physical"
    and part.sku != world.BUNDLE_SKU
    and part.sales_group != world.ZERO_RATED_GROUP
)
_FOOD = tuple(part for part in world.PARTS if part.sales_group == world.ZERO_RATED_GROUP)
_DIGITAL = tuple(part for part in world.PARTS if part.kind == "digital")

# `squarev2` stands in no documented list of gateways; real stores send such values all the same.
_GATEWAYS = (
    *(("credit_card", "stripe", "Credit Card"),) * 4,
    *(("credit_card", "braintree", "Credit Card"),) * 3,
    ("credit_card", "squarev2", "Credit Card"),
)
_WALLET = ("electronic_wallet", "paypalexpress", "PayPal")


def _amount(usd: Decimal, currency: str) -> Decimal:
    return rounded(usd * _RATES[currency], currency)


def _line(part: world.Part, quantity: int, tax: Tax, *, inclusive: bool = False, currency: str = "USD") -> LineDraft:
    net = _amount(part.price, currency)
    unit = rounded(net * (ONE + tax.rate), currency) if inclusive else net
    return LineDraft(part.name, part.sku, part.product_id, quantity, tax, unit, kind=part.kind)


def _pick(dice: random.Random, shelf: Sequence[world.Part], count: int) -> list[world.Part]:
    return dice.sample(shelf, count)


def _us_buyer(dice: random.Random) -> world.Buyer:
    return dice.choice(world.buyers_in("US"))


def _order(
    kind: str,
    dice: random.Random,
    buyer: world.Buyer,
    pricing: Pricing,
    *,
    charge_tax: Tax = US_TAX,
    shipped: bool = True,
) -> OrderDraft:
    """A paid order, as a shop front makes them."""
    method, gateway, label = _WALLET if dice.random() < 0.2 else dice.choice(_GATEWAYS)
    billing = billing_of(buyer)
    return OrderDraft(
        kind=kind,
        customer_id=buyer.store_id,
        billing=billing,
        shipping_addresses=(billing,) if shipped else (),
        pricing=pricing,
        status_id=11,
        payment_method=label,
        payments=(Payment("purchase", method, gateway, pricing.total_inc),),
        charge_tax=charge_tax,
        order_source=dice.choice(("www", "www", "www", "iphone", "android", "checkout_api")),
    )


def _shipping(dice: random.Random, tax: Tax = US_TAX, *, inclusive: bool = False, currency: str = "USD") -> Amount:
    usd = dice.choice((Decimal("5.95"), Decimal("8.50"), Decimal("12.00"), Decimal("7.39")))
    return taxed(_amount(usd, currency), tax, inclusive, currency)


def _us_lines(dice: random.Random, count: int, most: int = 3) -> list[LineDraft]:
    return [_line(part, dice.randint(1, most), US_TAX) for part in _pick(dice, _SHELF, count)]


def _us(lines: Sequence[LineDraft], dice: random.Random, discounts: Sequence[Discount] = ()) -> Pricing:
    return price(lines, currency="USD", inclusive=False, discounts=discounts, shipping=_shipping(dice))


def plain(dice: random.Random) -> OrderDraft:
    return _order("plain", dice, _us_buyer(dice), _us(_us_lines(dice, 1), dice))


def multi_line(dice: random.Random) -> OrderDraft:
    return _order("multi_line", dice, _us_buyer(dice), _us(_us_lines(dice, dice.randint(2, 6)), dice))


def guest(dice: random.Random) -> OrderDraft:
    """No customer record in the shop, yet IFS knows the e-mail."""
    return replace(_order("guest", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice)), customer_id=0)


def tax_inclusive(dice: random.Random) -> OrderDraft:
    lines = [_line(p, dice.randint(1, 4), VAT, inclusive=True, currency="GBP") for p in _pick(dice, _SHELF, 3)]
    shipping = _shipping(dice, VAT, inclusive=True, currency="GBP")
    pricing = price(lines, currency="GBP", inclusive=True, shipping=shipping)
    return _order("tax_inclusive", dice, dice.choice(world.buyers_in("GB")), pricing, charge_tax=VAT)


def coupon(dice: random.Random) -> OrderDraft:
    """A percentage off; the face value is the percentage, the discount the money."""
    lines = _us_lines(dice, dice.randint(1, 3))
    percent = dice.choice((5, 10, 15))
    net = sum((line.unit * line.quantity for line in lines), ZERO)
    off = rounded(net * percent / 100, "USD")
    return _order(
        "coupon",
        dice,
        _us_buyer(dice),
        _us(lines, dice, [Discount(off, f"SAVE{percent}", 1, Decimal(percent))]),
    )


def manual_discount(dice: random.Random) -> OrderDraft:
    """Both kinds of discount at once, as in the documented example."""
    discounts = [Discount(Decimal("5.00"))]
    if dice.random() < 0.5:
        discounts.append(Discount(Decimal("5.00"), "FIVEOFF", 2, Decimal(5)))
    return _order("manual_discount", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice, discounts))


def free_shipping(dice: random.Random) -> OrderDraft:
    pricing = price(_us_lines(dice, 2), currency="USD", inclusive=False)
    draft = _order("free_shipping", dice, _us_buyer(dice), pricing)
    return replace(draft, shipping_method="Free Shipping", base_shipping=Decimal("8.50"))


def gift_wrapping(dice: random.Random) -> OrderDraft:
    lines = _us_lines(dice, 2)
    lines[0] = replace(lines[0], wrapping=taxed(Decimal("4.50"), US_TAX, False, "USD"), wrapping_name="Kraft paper")
    return _order("gift_wrapping", dice, _us_buyer(dice), _us(lines, dice))


def digital(dice: random.Random) -> OrderDraft:
    lines = [_line(part, 1, US_TAX) for part in _pick(dice, _DIGITAL, dice.randint(1, 2))]
    return _order("digital", dice, _us_buyer(dice), price(lines, currency="USD", inclusive=False), shipped=False)


def sixty_lines(dice: random.Random) -> OrderDraft:
    """More lines than one page of `/products` holds."""
    lines = [_line(dice.choice(_SHELF), dice.randint(1, 3), US_TAX) for _ in range(60)]
    return _order("sixty_lines", dice, _us_buyer(dice), _us(lines, dice))


def _foreign(kind: str, dice: random.Random, currency: str, tax: Tax, country: str, *, inclusive: bool) -> OrderDraft:
    parts = _pick(dice, _SHELF, dice.randint(1, 3))
    lines = [_line(p, dice.randint(1, 3), tax, inclusive=inclusive, currency=currency) for p in parts]
    shipping = _shipping(dice, tax, inclusive=inclusive, currency=currency)
    pricing = price(lines, currency=currency, inclusive=inclusive, shipping=shipping)
    return _order(kind, dice, dice.choice(world.buyers_in(country)), pricing, charge_tax=tax)


def jpy(dice: random.Random) -> OrderDraft:
    return _foreign("jpy", dice, "JPY", JP_TAX, "JP", inclusive=True)


def kwd(dice: random.Random) -> OrderDraft:
    return _foreign("kwd", dice, "KWD", GCC_TAX, "KW", inclusive=False)


def eur(dice: random.Random) -> OrderDraft:
    return _foreign("eur", dice, "EUR", VAT, dice.choice(("FR", "DE")), inclusive=True)


def custom_item(dice: random.Random) -> OrderDraft:
    """A line without a catalogue product (product_id 0) whose SKU IFS knows."""
    lines = [*_us_lines(dice, 1), _line(world.PART_BY_SKU[world.CUSTOM_SKU], 1, US_TAX)]
    return _order("custom_item", dice, _us_buyer(dice), _us(lines, dice))


def awaiting_payment(dice: random.Random) -> OrderDraft:
    """Authorised only, or to be paid by cheque: no money has come in."""
    draft = _order("awaiting_payment", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    if dice.random() < 0.5:
        held = replace(draft.payments[0], event="authorization")
        return replace(draft, status_id=7, payment_status="authorized", payments=(held,))
    return replace(draft, status_id=7, payment_status="", payments=(), payment_method="Check")


def handling_fee(dice: random.Random) -> OrderDraft:
    pricing = price(
        _us_lines(dice, 2),
        currency="USD",
        inclusive=False,
        shipping=_shipping(dice),
        handling=taxed(Decimal("3.25"), US_TAX, False, "USD"),
        fees=[Fee("Package protection", taxed(Decimal("2.50"), US_TAX, False, "USD"))],
    )
    return _order("handling_fee", dice, _us_buyer(dice), pricing)


def bundle(dice: random.Random) -> OrderDraft:
    """The parent carries the price, its children cost nothing."""
    quantity = dice.randint(1, 2)
    lines = [_line(world.PART_BY_SKU[world.BUNDLE_SKU], quantity, US_TAX)]
    children = (_line(world.PART_BY_SKU[sku], quantity, US_TAX) for sku in world.BUNDLE_CHILDREN)
    lines.extend(replace(child, unit=ZERO, parent=0) for child in children)
    return _order("bundle", dice, _us_buyer(dice), _us(lines, dice))


def zero_rated(dice: random.Random) -> OrderDraft:
    """Taxed and untaxed lines side by side."""
    lines = [*_us_lines(dice, 2), *(_line(part, dice.randint(1, 2), NO_TAX) for part in _pick(dice, _FOOD, 2))]
    return _order("zero_rated", dice, _us_buyer(dice), _us(lines, dice))


def gift_certificate_tender(dice: random.Random) -> OrderDraft:
    """Part of the price is paid with a gift certificate: two transactions, the total stays what it is."""
    draft = _order("gift_certificate_tender", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    redeemed, card = Decimal("10.00"), draft.payments[0]
    payments = (
        Payment("purchase", "gift_certificate", "giftcertificate", redeemed),
        replace(card, amount=card.amount - redeemed),
    )
    return replace(draft, payments=payments, gift_certificate=redeemed)


def split_tender(dice: random.Random) -> OrderDraft:
    """Gift certificate, store credit and card together: three transactions."""
    draft = _order("split_tender", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    card = draft.payments[0]
    gift, credit = (rounded(card.amount * part, "USD") for part in (Decimal("0.2"), Decimal("0.3")))
    payments = (
        Payment("purchase", "gift_certificate", "giftcertificate", gift),
        Payment("purchase", "store_credit", "storecredit", credit),
        replace(card, amount=card.amount - gift - credit),
    )
    return replace(draft, payments=payments, gift_certificate=gift, store_credit=credit)


def bank_deposit(dice: random.Random) -> OrderDraft:
    """Announced by the buyer, not arrived: a pending transaction, to be settled later."""
    draft = _order("bank_deposit", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    coming = Payment("pending", "offline", "bankdeposit", draft.pricing.total_inc)
    return replace(draft, status_id=7, payment_method="Bank Deposit", payment_status="pending", payments=(coming,))


def cash_on_delivery(dice: random.Random) -> OrderDraft:
    """To be paid at the door: it goes out without a transaction."""
    draft = _order("cash_on_delivery", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    return replace(draft, payment_method="Cash on Delivery", payment_status="", payments=())


def tender_in_test_mode(dice: random.Random) -> OrderDraft:
    """Paid at a gateway in test mode: no money. Not in the default mix."""
    draft = _order("tender_in_test_mode", dice, _us_buyer(dice), _us(_us_lines(dice, 1), dice))
    tried = Payment("purchase", "credit_card", "testgateway", draft.pricing.total_inc, test=True)
    return replace(draft, payments=(tried,))


def gift_certificate_sold(dice: random.Random) -> OrderDraft:
    """A gift certificate among the goods: untaxed, delivered by e-mail. Not in the default mix."""
    gift = LineDraft("Gift certificate", "", 0, 1, NO_TAX, Decimal("50.00"), kind="giftcertificate")
    return _order("gift_certificate_sold", dice, _us_buyer(dice), _us([*_us_lines(dice, 1), gift], dice))


def unknown_buyer(dice: random.Random) -> OrderDraft:
    return _order("unknown_buyer", dice, dice.choice(world.UNKNOWN_BUYERS), _us(_us_lines(dice, 1), dice))


def shared_email(dice: random.Random) -> OrderDraft:
    return _order("shared_email", dice, world.SHARED_BUYER, _us(_us_lines(dice, 2), dice))


def unmapped_sku(dice: random.Random) -> OrderDraft:
    lines = [*_us_lines(dice, 1), _line(world.PART_BY_SKU[world.UNMAPPED_SKU], 1, US_TAX)]
    return _order("unmapped_sku", dice, _us_buyer(dice), _us(lines, dice))


def totals_off(dice: random.Random) -> OrderDraft:
    """The one incoherent kind: the order's total is 0.37 above what its parts sum to."""
    draft = _order("totals_off", dice, _us_buyer(dice), _us(_us_lines(dice, 2), dice))
    off = Decimal("0.37")
    total = (draft.pricing.total_ex + off, draft.pricing.total_inc + off)
    return replace(draft, total_override=total, payments=(replace(draft.payments[0], amount=total[1]),))


KINDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        plain,
        multi_line,
        guest,
        tax_inclusive,
        coupon,
        manual_discount,
        free_shipping,
        gift_wrapping,
        digital,
        sixty_lines,
        jpy,
        kwd,
        eur,
        custom_item,
        awaiting_payment,
        handling_fee,
        bundle,
        zero_rated,
        gift_certificate_tender,
        split_tender,
        bank_deposit,
        cash_on_delivery,
        tender_in_test_mode,
        gift_certificate_sold,
        unknown_buyer,
        shared_email,
        unmapped_sku,
        totals_off,
    )
}

# Two hundred cards: 6 % unknown buyers, 1 % without a sales part, ½ % each of shared e-mail and wrong totals.
_WEIGHTS = {
    "plain": 40,
    "multi_line": 24,
    "guest": 12,
    "tax_inclusive": 14,
    "coupon": 14,
    "manual_discount": 8,
    "free_shipping": 10,
    "gift_wrapping": 6,
    "digital": 8,
    "sixty_lines": 2,
    "jpy": 4,
    "kwd": 3,
    "eur": 8,
    "custom_item": 5,
    "awaiting_payment": 5,
    "handling_fee": 5,
    "bundle": 4,
    "zero_rated": 4,
    "gift_certificate_tender": 2,
    "split_tender": 2,
    "bank_deposit": 2,
    "cash_on_delivery": 2,
    "unknown_buyer": 12,
    "unmapped_sku": 2,
    "shared_email": 1,
    "totals_off": 1,
}
DECK: tuple[str, ...] = tuple(name for name, weight in _WEIGHTS.items() for _ in range(weight))

# Statuses that keep an order out of an import, with what their payment looks like.
GATED = ((0, ""), (1, ""), (12, "held for review"), (5, ""), (6, "declined"))


def gated(dice: random.Random, status_id: int, payment_status: str) -> OrderDraft:
    """An order that must not be imported (yet): nothing was paid on it."""
    draft = plain(dice)
    held: tuple[Payment, ...] = ()
    if status_id == 12:
        held = (replace(draft.payments[0], event="authorization"),)
    return replace(draft, kind=f"gated_{status_id}", status_id=status_id, payment_status=payment_status, payments=held)


def varied_status(draft: OrderDraft, dice: random.Random) -> OrderDraft:
    """Mostly Awaiting Fulfillment; now and then already awaiting shipment or pickup."""
    if draft.status_id != 11:
        return draft
    roll = dice.random()
    return replace(draft, status_id=9 if roll < 0.06 else 8 if roll < 0.08 else 11)
