"""A whole installation, seeded: two shops in the middle of a Monday, every state and reason, the same to the last byte.

`build(home)` writes it into a real SQLite store under `home` and answers with the context; the clock stands at `NOW`.
Goods and buyers are in `scene_goods`, the telling of orders' lives in `scene_teller`, what surrounds the orders (hooks,
books, rules, heartbeats) in `scene_around`. `build_empty` is an installation on its first day.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import update

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.secret import Secret
from bcifs_console.base.settings import Settings
from bcifs_console.domain.documents import DocumentKind, PartState
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import OrderState, Outcome
from bcifs_console.operations.context import Context
from bcifs_console.store import connections
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.opening import open_store
from bcifs_console.store.tables import connection
from bcifs_console.sync.candidates import KnownCustomer
from tests.console.scene_around import EU_CUSTOMERS, US_CUSTOMERS, Around
from tests.console.scene_goods import (
    ACME,
    BEAN_BARN,
    BRANDT,
    BREWER,
    CARAFE,
    COLOMBIA,
    COURSE,
    DUBOIS,
    ETHIOPIA,
    EU_POLICY,
    FILTERS,
    GIFT_BOX,
    GRINDER,
    HALE,
    HOFER,
    HOSTILE,
    KEPLER,
    KETTLE,
    LINDQVIST,
    MUG,
    NORTHWIND,
    NOW,
    OKAFOR,
    SANTOS,
    TESTER,
    TORRES,
    US_POLICY,
    WEISS,
    WREN,
    Person,
    Product,
    refunded,
    sale,
    shipped,
)
from tests.console.scene_teller import REFUNDED, SHIPPED, UPDATED, Halt, Story, Teller, tell, to, waits

US: Final = "acme-us"
EU: Final = "acme-eu"
ACTOR: Final = "dana"
#: Secrets of the scene, for tests that look for them where they must not be.
PLANTED: Final = ("planted-bc-client-secret", "planted-bc-access-token", "planted-ifs-client-secret")
#: An order of which one parcel is recorded and the rest was only marked as shipped, and one that has everything:
#: payments, a shipment, a refund.
MARKED_SHIPPED: Final = 112409
REFUNDED_ORDER: Final = 112404
_START: Final = NOW - timedelta(days=25)

_REGULARS: Final = (HALE, OKAFOR, LINDQVIST, NORTHWIND, BEAN_BARN)
_BASKETS: Final[tuple[tuple[tuple[Product, int], ...], ...]] = (
    ((BREWER, 1), (FILTERS, 2)),
    ((ETHIOPIA, 2),),
    ((GRINDER, 1), (COLOMBIA, 1)),
    ((MUG, 4),),
    ((KETTLE, 1), (BREWER, 1), (FILTERS, 1)),
    ((COLOMBIA, 3), (COURSE, 1)),
)


def build(home: Path, *, hostile: bool = False) -> Context:
    """The scene under `home`; with `hostile` also orders of buyers whose names are weapons. The caller closes it."""
    context = build_empty(home, at=_START)
    clock = context.clock
    assert isinstance(clock, ManualClock)
    us = _teller(context, clock, US, "sf420f4b7d", US_POLICY, "10", US_CUSTOMERS, 10412)
    eu = _teller(context, clock, EU, "k9d1x0e5mt", EU_POLICY, "20", EU_CUSTOMERS, 55120)
    around = Around(context.store.database, us, eu)
    stories = [*around.stories(), *_past(us), *_today(us), *_decided(us), *_stuck(us), *_europe(eu)]
    if hostile:
        stories += _hostile(us)
    tell(clock, stories)
    to(clock, NOW)
    around.now()
    return context


def build_empty(home: Path, *, at: datetime = NOW) -> Context:
    """An installation without any connection, at `at`."""
    clock = ManualClock(at)
    settings = Settings(home=home)
    return Context(settings, open_store(settings, clock), clock, ACTOR)


def _teller(
    context: Context,
    clock: ManualClock,
    name: str,
    store_hash: str,
    policy: Policy,
    company: str,
    customers: Sequence[KnownCustomer],
    first_order_no: int,
) -> Teller:
    settings = ConnectionSettings(
        bigcommerce={
            "store_hash": store_hash,
            "client_id": "9aff300061160160d8819b14bbe1cc9",
            "public_url": "https://hooks.acme.example",
        },
        ifs={
            "base_url": "https://acme.ifs.example",
            "realm": "acmeprod",
            "client_id": "BC_INTEGRATION",
            "company": company,
            "site": policy.contract,
        },
        policy=policy,
    )
    fields = (connections.BC_CLIENT_SECRET, connections.BC_ACCESS_TOKEN, connections.IFS_CLIENT_SECRET)
    secrets = {field: Secret(value) for field, value in zip(fields, PLANTED, strict=True)}
    database, vault = context.store.database, context.store.vault
    number = database.write_sync(lambda tx: connections.add(tx, vault, name, settings, secrets, actor="anna"))
    # The address of the webhooks holds a random token, which would be another one on every screenshot.
    fixed = update(connection).where(connection.c.id == number).values(token=f"{number:032x}")
    database.write_sync(lambda tx: tx.conn.execute(fixed))
    return Teller(database, clock, number, store_hash, policy, customers, first_order_no)


# -- orders that went through ------------------------------------------------------------------------------------------


def _past(us: Teller) -> Iterator[Story]:
    """Twenty orders of the days before: shipped and settled, one refunded, one sent in a parcel and without."""
    for number in range(20):
        placed = NOW - timedelta(days=5 - number // 4, hours=5 - number % 4, minutes=7 * number % 53)
        buyer = _REGULARS[number % len(_REGULARS)]
        first = sale(112401 + number, buyer, placed, *_BASKETS[number % len(_BASKETS)])
        sent_at = placed + timedelta(hours=20)
        if number == 8:
            part = shipped(first, sent_at, first_only=True)
            yield us.life(first, (sent_at, SHIPPED, part))
        elif number in (3, 13):
            whole = shipped(first, sent_at)
            back_at = placed + timedelta(hours=44)
            yield us.life(first, (sent_at, SHIPPED, whole), (back_at, REFUNDED, refunded(whole, back_at)))
        elif sent_at > NOW:
            yield us.life(first)
        else:
            yield us.life(first, (sent_at, SHIPPED, shipped(first, sent_at)))


def _today(us: Teller) -> Iterator[Story]:
    """This morning's flow, and what is under way at this very moment."""
    for number in range(14):
        placed = NOW - timedelta(hours=3, minutes=20) + timedelta(minutes=14 * number + number * number % 5)
        buyer = _REGULARS[(number * 3 + 1) % len(_REGULARS)]
        first = sale(112430 + number, buyer, placed, *_BASKETS[(number * 5 + 2) % len(_BASKETS)])
        yield us.life(first)
    disputed = sale(112446, OKAFOR, _ago(minutes=52), (GRINDER, 1), status_id=13, status="Disputed")
    yield us.life(disputed)
    yield us.held(sale(112458, HALE, _ago(seconds=6), (ETHIOPIA, 1)), "worker:scene")
    yield us.held(sale(112459, BEAN_BARN, _ago(seconds=5), (COLOMBIA, 6)), "worker:scene")
    yield us.told(112460, _ago(seconds=2))
    yield us.told(112461, _ago(seconds=1))
    yield us.life(sale(112447, LINDQVIST, _ago(minutes=47), (MUG, 1), status_id=0, status="Incomplete", tenders=()))
    yield us.life(sale(112448, TORRES, _ago(minutes=44), (BREWER, 1), status_id=6, status="Declined", tenders=()))
    yield us.life(sale(112300, HALE, _ago(days=28), (MUG, 2)))
    yield us.life(sale(112462, NORTHWIND, _ago(minutes=33), (FILTERS, 12), (ETHIOPIA, 5), off="0.01"))
    cancelled = sale(112425, LINDQVIST, _ago(hours=9), (KETTLE, 1))
    yield us.life(cancelled, halt=Halt(Outcome(OrderState.SKIPPED, error="cancelled in the store and in IFS")))


def _decided(us: Teller) -> Iterator[Story]:
    """Three questions that were answered this morning: a customer created, one linked, one buyer skipped."""
    yield us.decided(sale(112463, WREN, _ago(hours=2, minutes=40), (BREWER, 1), (MUG, 2)), "create", "BC1")
    yield us.decided(
        sale(112464, DUBOIS, _ago(hours=2, minutes=10), (KETTLE, 1)), "link", "C1011", "moved, same person"
    )
    yield us.decided(sale(112465, TESTER, _ago(hours=1, minutes=50), (MUG, 1)), "skip", "", "test orders of our own")


# -- orders that wait --------------------------------------------------------------------------------------------------


def _stuck(us: Teller) -> Iterator[Story]:
    """One or more orders for every reason to wait, to retry, or to give up."""
    yield from _unknown_buyers(us)
    for number, (buyer, units) in enumerate(((HALE, 1), (OKAFOR, 3), (NORTHWIND, 10)), 0):
        yield us.life(sale(112449 + number, buyer, _ago(minutes=41 - 6 * number), (GIFT_BOX, units), (MUG, 1)))
    yield us.life(sale(112452, LINDQVIST, _ago(minutes=26), (CARAFE, 2)), halt=Halt(_NO_PART))
    yield us.life(sale(112453, OKAFOR, _ago(minutes=24), (BREWER, 2), off="5.00"))
    pending = sale(112454, HALE, _ago(minutes=22), (GRINDER, 1), status_id=1, status="Pending")
    yield us.life(pending)
    late = sale(112422, BEAN_BARN, _ago(days=3, hours=2), (ETHIOPIA, 4))
    yield us.life(late, halt=Halt(_PERIOD_CLOSED, DocumentKind.VOUCHER, "header", PartState.INTENDED))
    before = sale(112423, OKAFOR, _ago(days=2, hours=3), (COLOMBIA, 2))
    edited = sale(112423, OKAFOR, before.placed_at, (COLOMBIA, 5), modified_at=_ago(minutes=70))
    yield us.life(before, (_ago(minutes=70), UPDATED, edited))
    gone = sale(112424, NORTHWIND, _ago(days=1, hours=4), (MUG, 12))
    yield us.life(gone, (_ago(minutes=63), UPDATED, gone), halt=Halt(_GONE))
    unclear = sale(112456, HALE, _ago(seconds=31), (KETTLE, 1))
    yield us.life(unclear, halt=Halt(_UNCLEAR, DocumentKind.CUSTOMER_ORDER, "header", PartState.UNKNOWN))
    again = sale(112457, LINDQVIST, _ago(seconds=24), (FILTERS, 6))
    yield us.life(again, halt=Halt(_AGAIN, DocumentKind.CUSTOMER_ORDER, "header", PartState.INTENDED))
    yield us.life(
        sale(112426, HALE, _ago(hours=7), (COURSE, 1)), halt=Halt(_REFUSED, DocumentKind.CUSTOMER_ORDER, "line:1124261")
    )
    yield us.life(sale(112427, OKAFOR, _ago(hours=6), (GRINDER, 2)), halt=Halt(_TOO_OFTEN))


def _unknown_buyers(us: Teller) -> Iterator[Story]:
    """Four people of whom IFS knows nothing for certain: one with two orders, one whose company IFS may have."""
    first: tuple[tuple[int, Person, datetime, tuple[tuple[Product, int], ...]], ...] = (
        (112428, ACME, _ago(hours=5, minutes=40), ((GRINDER, 4), (ETHIOPIA, 10))),
        (112429, TORRES, _ago(hours=4, minutes=12), ((BREWER, 1),)),
        (112444, KEPLER, _ago(minutes=58), ((KETTLE, 2), (MUG, 8))),
        (112445, SANTOS, _ago(minutes=55), ((COLOMBIA, 1),)),
        (112455, ACME, _ago(minutes=18), ((FILTERS, 20),)),
    )
    for number, buyer, placed, goods in first:
        yield us.life(sale(number, buyer, placed, *goods))


def _europe(eu: Teller) -> Iterator[Story]:
    """The smaller shop: a few orders, then its IFS client secret ran out and everything after it is held back."""
    for number in range(6):
        buyer = (BRANDT, HOFER)[number % 2]
        placed = NOW - timedelta(days=2 - number // 3, hours=6 - number)
        first = sale(7301 + number, buyer, placed, *_BASKETS[(number + 1) % 4])
        sent_at = placed + timedelta(hours=19)
        if number < 4:
            yield eu.life(first, (sent_at, SHIPPED, shipped(first, sent_at)))
        else:
            yield eu.life(first)
    yield eu.life(sale(7307, WEISS, _ago(hours=2), (GRINDER, 1)))
    for number in range(3):
        held_back = sale(
            7308 + number, (HOFER, BRANDT)[number % 2], _ago(minutes=17 - 4 * number), (ETHIOPIA, 1 + number)
        )
        yield eu.life(held_back, halt=Halt(_PAUSED))


def _hostile(us: Teller) -> Iterator[Story]:
    for number, buyer in enumerate(HOSTILE):
        weapon = Product(f"BREWER-{buyer.last}", f"{buyer.first} {buyer.last}", MUG.price)
        yield us.life(sale(112470 + number, buyer, _ago(minutes=9 - number), (weapon, 1), (GIFT_BOX, 1)))


def _ago(**of: float) -> datetime:
    return NOW - timedelta(**of)


# -- what the worker writes where something stops it -------------------------------------------------------------------

_NO_PART: Final = waits(
    Blocker(
        Reason.MAPPING,
        "IFS has no sales part CARAFE-600 at site 100.",
        "Create sales part CARAFE-600 in IFS, or map the SKU to another part with a sales_part rule; if it is there, "
        "allow the service user site 100. Then run: bcifs orders sync.",
        subject="sales_part CARAFE-600",
    )
)
_PERIOD_CLOSED: Final = waits(
    Blocker(
        Reason.PERIOD,
        "BC-112422/PAY/786954 was not posted. IFS has closed period 2026-11 of 2026-11-20 for voucher type M.",
        'Open the period in IFS, or set closed_period = "next_open"; then sync this order.',
        subject="2026-11",
    ),
    settled=False,
)
_GONE: Final = waits(
    Blocker(
        Reason.CONFLICT,
        "The store no longer has this order, IFS does.",
        "Find out who deleted it; cancel it in IFS by hand if it was a mistake.",
    ),
    settled=False,
)
_UNCLEAR: Final = Outcome(
    OrderState.DUE,
    reason=Reason.UNKNOWN_OUTCOME,
    error="Nobody knows yet whether IFS carried out header of BC-112456.",
    remedy="Nothing to do: IFS is asked again.",
    cause="unknown_outcome",
    due_at=NOW + timedelta(seconds=4),
)
_AGAIN: Final = Outcome(
    OrderState.DUE,
    error="IFS does not answer: 503 Service Unavailable.",
    remedy="Nothing to do: it is tried again.",
    cause="ifs:transient",
    due_at=NOW + timedelta(seconds=41),
    burn_attempt=True,
)
_REFUSED: Final = Outcome(
    OrderState.FAILED,
    error="IFS refused line 1: Sales part COURSE-HOME is not active at site 100 (ORA-20110).",
    remedy="Activate the sales part in IFS, then sync this order.",
    cause="ifs:business:ORA-20110",
    burn_attempt=True,
    events=(("order.failed", {"error": "Sales part COURSE-HOME is not active at site 100 (ORA-20110)."}),),
)
_TOO_OFTEN: Final = Outcome(
    OrderState.FAILED,
    error="IFS does not answer: the request took longer than 30 seconds.",
    remedy="See whether IFS is well (bcifs connection test), then: bcifs problems retry",
    cause="ifs:transient",
    burn_attempt=True,
    events=(("order.failed", {"error": "IFS does not answer: the request took longer than 30 seconds."}),),
)
_PAUSED: Final = Outcome(
    OrderState.DUE,
    reason=Reason.CONNECTION,
    error="IFS refused the client's secret (401 invalid_client).",
    remedy="Set a new one: bcifs connection set acme-eu ifs.client_secret",
    cause="ifs:connection",
    due_at=NOW - timedelta(minutes=5),
)
