"""`POST /_sim/lives`: what becomes of orders after they were placed, order by order, the same for the same seed.

Each life is a short list of steps. An order's own dice choose it among those that fit and date its steps, each at
least a second after the one before and none ahead of the simulator's clock.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bcifs_console.simulator.bigcommerce.hands import Hands
from bcifs_console.simulator.bigcommerce.listing import moment_of
from bcifs_console.simulator.bigcommerce.shares import line_worth
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.transactions import authorised, awaited, paid
from bcifs_console.simulator.bigcommerce.wire import StoredOrder

Step = Callable[[], None]
Plan = Callable[[Hands], list[Step]]
Fits = Callable[[Hands], bool]


@dataclass(frozen=True)
class Life:
    """`money`: what state of payment it starts from: paid, authorised, awaited or unpaid."""

    name: str
    money: str
    weight: float
    plan: Plan
    fits: Fits = lambda hands: True
    muted: bool = False  # no event of it is fired; only one at its end


def _ships(hands: Hands) -> bool:
    return bool(hands.left())


def _ships_in_parts(hands: Hands) -> bool:
    return sum(hands.left().values()) > 1


def _digital(hands: Hands) -> bool:
    return not hands.left()


def _has_tax(hands: Hands) -> bool:
    return _ships(hands) and all(line_worth(hands.order, row["id"]).tax > 0 for row in hands.order.products)


def _has(kind: str) -> Fits:
    return lambda hands: any(row["item_type"] == kind for row in hands.charges())


def _several_units(hands: Hands) -> bool:
    return _ships(hands) and any(row["quantity"] > 1 for row in hands.groups())


def _charge_refund(kind: str) -> Plan:
    return lambda h: [
        h.ship_rest,
        lambda: h.refund([row for row in h.charges() if row["item_type"] == kind]),
    ]


def _mixed(h: Hands) -> list[Step]:
    """A part has gone; what comes back may be of either side of that line."""
    return [h.ship_part, lambda: h.refund(h.some_units()), h.ship_rest]


def _twice(h: Hands) -> list[Step]:
    """Unit by unit of one line, which must sum to the line to the cent."""
    number = max(h.groups(), key=lambda row: row["quantity"])["id"]

    def again() -> None:
        h.refund(h.units_of(number, 1))

    if sum(h.left().values()) > 2:
        return [again, h.ship_part, again, h.ship_rest]
    return [h.ship_rest, again, again]


def _everything(h: Hands) -> Step:
    return lambda: h.refund([*h.goods(), *h.charges()])


def _cancel(h: Hands) -> Step:
    return lambda: h.status(5)


LIVES: tuple[Life, ...] = (
    Life("open", "paid", 6, lambda h: []),
    Life("shipped", "paid", 54, lambda h: [h.ship_rest], _ships),
    Life("shipped_in_parts", "paid", 12, lambda h: [h.ship_part, h.ship_rest], _ships_in_parts),
    Life("shipped_partly", "paid", 3, lambda h: [h.ship_part], _ships_in_parts),
    Life("completed", "paid", 6, lambda h: [h.ship_rest, lambda: h.status(10)], _ships),
    Life("tracking_changed", "paid", 3, lambda h: [h.ship_rest, h.change_tracking], _ships),
    Life("status_only", "paid", 6, lambda h: [lambda: h.status(h.dice.choice((2, 10)))], _ships),
    Life("part_then_status", "paid", 1, lambda h: [h.ship_part, lambda: h.status(2)], _ships_in_parts),
    Life("recreated", "paid", 2, lambda h: [h.ship_rest, h.unship, h.ship_rest], _ships),
    Life("downloaded", "paid", 80, lambda h: [lambda: h.status(10)], _digital),
    # Refunds: together about an eighth of what is paid.
    Life("units_before_shipping", "paid", 1.6, lambda h: [lambda: h.refund(h.some_units()), h.ship_rest], _ships),
    Life("all_before_shipping", "paid", 1, lambda h: [_everything(h)], _ships),
    Life("goods_without_shipping", "paid", 1, lambda h: [lambda: h.refund(h.goods())], _ships),
    Life("whole_at_order_level", "paid", 0.6, lambda h: [lambda: h.refund(h.order_level("1"))], _ships),
    Life("units_after_shipping", "paid", 2, lambda h: [h.ship_rest, lambda: h.refund(h.some_units())], _ships),
    Life("all_after_shipping", "paid", 1, lambda h: [h.ship_rest, _everything(h)], _ships),
    Life("restocking_fee", "paid", 1, lambda h: [h.ship_rest, lambda: h.refund(h.restocking(h.line(), 1))], _ships),
    Life("goodwill", "paid", 1, lambda h: [h.ship_rest, lambda: h.refund(h.order_level("0.1"))], _ships),
    Life("goodwill_first", "paid", 0.4, lambda h: [lambda: h.refund(h.order_level("0.1")), h.ship_rest], _ships),
    Life("shipping_back", "paid", 0.8, _charge_refund("SHIPPING"), _has("SHIPPING")),
    Life("handling_back", "paid", 4, _charge_refund("HANDLING"), _has("HANDLING")),
    Life("fee_back", "paid", 4, _charge_refund("FEE"), _has("FEE")),
    Life("wrapping_back", "paid", 4, _charge_refund("GIFT_WRAPPING"), _has("GIFT_WRAPPING")),
    Life("tax_back", "paid", 0.6, lambda h: [h.ship_rest, h.refund_tax], _has_tax),
    Life("merchant_figures", "paid", 0.8, lambda h: [h.ship_rest, lambda: h.refund_override(h.some_units())], _ships),
    Life("refund_amid_shipping", "paid", 1.2, _mixed, _ships_in_parts),
    Life("unit_by_unit", "paid", 1, _twice, _several_units),
    Life("download_back", "paid", 12, lambda h: [lambda: h.refund(h.some_units())], _digital),
    Life(
        "refund_first_seen",
        "paid",
        1,
        lambda h: [h.ship_rest, lambda: h.refund(h.some_units(), way="original")],
        _ships,
        muted=True,
    ),
    # Cancellations: together about a thirtieth.
    Life("cancelled", "paid", 1, lambda h: [_cancel(h)]),
    Life("cancelled_then_refunded", "paid", 1.5, lambda h: [_cancel(h), _everything(h)]),
    Life("payment_voided", "paid", 0.8, lambda h: [h.void_money, _cancel(h)]),
    Life("captured", "authorised", 6, lambda h: [h.capture, h.ship_rest]),
    Life("captured_in_parts", "authorised", 2, lambda h: [h.capture, h.ship_part, h.ship_rest], _ships_in_parts),
    Life("captured_late", "authorised", 1, lambda h: [h.ship_rest, h.capture]),
    Life("authorisation_voided", "authorised", 2, lambda h: [h.void, _cancel(h)]),
    Life("settled", "awaited", 6, lambda h: [h.settle, h.ship_rest]),
    Life("never_settled", "awaited", 1, lambda h: [_cancel(h)]),
    Life("unpaid", "unpaid", 3, lambda h: [h.ship_rest], _ships),
    Life("paid_first", "unpaid", 3, lambda h: [h.receive, h.ship_rest], _ships),
    Life("paid_at_the_door", "unpaid", 3, lambda h: [h.ship_rest, h.receive], _ships),
    Life("cancelled_unpaid", "unpaid", 1, lambda h: [_cancel(h)]),
)
_BY_NAME = {life.name: life for life in LIVES}
EDITED = Life("edited", "paid", 0, lambda h: [h.edit])

# Kinds that wait for a person, or whose figures do not add up: they only go out.
_SIMPLE_KINDS = frozenset(["totals_off", "unmapped_sku", "unknown_buyer", "shared_email", "tender_in_test_mode"])
_EDITABLE = frozenset(["plain", "multi_line", "guest"])


@dataclass(frozen=True)
class Wanted:
    """The control's request. `kinds`: lives in turn instead of drawn ones, where they fit."""

    orders: tuple[int, ...] | None = None
    seed: int = 0
    spread_seconds: int = 0
    edits: int = 0
    deliver: bool = True
    kinds: tuple[str, ...] = ()


def names() -> list[str]:
    return [*_BY_NAME, EDITED.name]


def carry_out(store: Store, wanted: Wanted) -> dict[str, int]:
    """How often each life was led; `none` counts orders that are gated, touched already, or fit no wanted life."""
    numbers = sorted(store.orders) if wanted.orders is None else sorted(set(wanted.orders))
    chosen = list(_chosen(store, wanted, numbers))
    plans = [(life, hands, life.plan(hands)) for life, hands in chosen]
    _make_room(store, plans)
    for life, hands, steps in plans:
        _lead(store, wanted, life, hands, steps)
    done = Counter(life.name for life, _ in chosen)
    if len(numbers) > len(chosen):
        done["none"] = len(numbers) - len(chosen)
    return dict(sorted(done.items()))


def _chosen(store: Store, wanted: Wanted, numbers: list[int]) -> Iterable[tuple[Life, Hands]]:
    fresh = [store.orders[number] for number in numbers if _untouched(store.orders[number])]
    edited = _edited(fresh, wanted)
    for index, order in enumerate(fresh):
        hands = Hands(store, order, random.Random(f"life/{wanted.seed}/{order.id}"))
        life = EDITED if order.id in edited else _drawn(hands, wanted, index)
        if life is not None:
            yield life, hands


def _untouched(order: StoredOrder) -> bool:
    moved = order.life or order.shipments or order.removed_shipments or order.refunds
    return not moved and not order.draft.kind.startswith("gated") and order.order["status_id"] in (7, 8, 9, 11)


def _edited(fresh: list[StoredOrder], wanted: Wanted) -> set[int]:
    fitting = [order.id for order in fresh if order.draft.kind in _EDITABLE]
    return set(random.Random(f"edits/{wanted.seed}").sample(fitting, min(wanted.edits, len(fitting))))


def _drawn(hands: Hands, wanted: Wanted, index: int) -> Life | None:
    state = _money(hands.order)
    if wanted.kinds:
        name = wanted.kinds[index % len(wanted.kinds)]
        life = EDITED if name == EDITED.name else _BY_NAME[name]
        return life if life.money == state and life.fits(hands) else None
    if hands.order.draft.kind in _SIMPLE_KINDS:
        return _BY_NAME["shipped" if state == "paid" else "unpaid"]
    fitting = [life for life in LIVES if life.money == state and life.fits(hands)]
    return hands.dice.choices(fitting, [life.weight for life in fitting])[0]


def _money(order: StoredOrder) -> str:
    if paid(order.transactions):
        return "paid"
    if authorised(order.transactions):
        return "authorised"
    return "awaited" if awaited(order.transactions) else "unpaid"


def _last_fact(order: StoredOrder) -> int:
    return max(int(order.created), *(int(moment_of(row["date_created"])) for row in order.transactions), 0)


def _make_room(store: Store, plans: list[tuple[Life, Hands, list[Step]]]) -> None:
    """Orders placed just now have no past to put their lives in: the clock moves on as little as it must."""
    ends = [_last_fact(hands.order) + len(steps) for _, hands, steps in plans]
    store.clock.move_to(max(ends, default=0))


def _lead(store: Store, wanted: Wanted, life: Life, hands: Hands, steps: list[Step]) -> None:
    order = hands.order
    order.life = life.name
    end = int(store.clock.seconds())
    begin = max(_last_fact(order), end - max(wanted.spread_seconds, len(steps)))
    moments = sorted(hands.dice.sample(range(begin + 1, end + 1), len(steps)))
    muted = life.muted or not wanted.deliver
    for moment, step in zip(moments, steps, strict=True):
        with store.acting(datetime.fromtimestamp(moment, UTC), muted=muted):
            step()
    if life.muted and wanted.deliver:
        store.order_event(order, "updated")
