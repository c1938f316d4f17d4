"""What surrounds the orders of the scene: rules and their history, IFS's customers, hooks, books, alerts, processes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from bcifs_console.bigcommerce.scopes import WANTED_SCOPES
from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.rules import MappingRule, Purpose, Rules
from bcifs_console.domain.states import Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import (
    alerts,
    backfills,
    books,
    connections,
    directory,
    health,
    journal,
    reconciliation,
    webhooks,
)
from bcifs_console.store import rules as rule_rows
from bcifs_console.store.backfills import Wanted
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.directory import Entry
from bcifs_console.store.health import HookRecord
from bcifs_console.store.listings import Listing
from bcifs_console.store.reconciliation import ReconciledDay
from bcifs_console.store.webhooks import Finding, WebhookHealth
from bcifs_console.sync.candidates import KnownCustomer
from tests.console.scene_goods import (
    BEAN_BARN,
    BRANDT,
    EU_RULES,
    HALE,
    HOFER,
    LINDQVIST,
    NORTHWIND,
    NOW,
    OKAFOR,
    US_FIXED,
    US_HISTORY,
    Person,
)
from tests.console.scene_teller import Story, Teller

_SET_UP: Final = NOW - timedelta(days=24, hours=3)
_SERVICE: Final = "serve:4711"
_KINDS: Final = {"PAY": "payments", "VOID": "voids", "REFUND": "refunds", "SHIP": "shipments"}


def _customer(person: Person) -> KnownCustomer:
    name = person.company or f"{person.first} {person.last}"
    return KnownCustomer(person.ifs, name, emails=(person.email,), postcodes=(person.zip,))


#: The customers of each shop's IFS that the story needs, those of its regular buyers among them.
US_CUSTOMERS: Final = (
    *map(_customer, (HALE, OKAFOR, LINDQVIST, NORTHWIND, BEAN_BARN)),
    KnownCustomer(
        "C1188", "Acme Industrial Limited", emails=("ap@acme-industrial.example",),
        phones=("+1 713 555 0142",), postcodes=("77002",),
    ),
    KnownCustomer("C1203", "Acme Industries Inc", emails=("office@acme-inc.example",), postcodes=("10017",)),
    KnownCustomer("C1042", "Jane Doe", emails=("jane@doe.example",), postcodes=("60614",)),
    KnownCustomer("C1150", "M. Torres", emails=("miguel.torres@example.com",), phones=("915 555 0177",)),
    KnownCustomer("C1301", "Kepler Labs Inc", emails=("ingrid@kepler-labs.example",), postcodes=("02110",)),
    KnownCustomer("C1302", "Kepler Laboratories", emails=("ingrid@kepler-labs.example",), postcodes=("02139",)),
)  # fmt: skip
EU_CUSTOMERS: Final = (
    *map(_customer, (BRANDT, HOFER)),
    KnownCustomer("K3020", "Jonas Weiss", emails=("j.weiss@weiss-kaffee.example",), postcodes=("50667",)),
)


@dataclass(frozen=True, slots=True)
class Around:
    """The scene beside its orders. `us` and `eu` are its two connections."""

    database: Database
    us: Teller
    eu: Teller

    def stories(self) -> Iterator[Story]:
        """What happens in the days before `NOW`."""
        yield from self._rules()
        yield self._set_up()
        yield self._directories()
        yield self._old_backfill()
        yield self._running_backfill()
        yield self._paused()
        yield self._troubled_hooks()

    # -- rules -------------------------------------------------------------------------------------------------------

    def _rules(self) -> Iterator[Story]:
        fixed = ((self.us, US_FIXED), (self.eu, EU_RULES))
        for shop, shipped in fixed:
            yield self._saving(shop.connection_id, shipped)
        for at, author, reason, purpose, whole in US_HISTORY:
            yield self._changing(at, author, reason, purpose, whole)

    def _saving(self, connection_id: int, whole: Rules) -> Story:
        yield _SET_UP
        for purpose in Purpose:
            self._replace(connection_id, purpose, whole.of(purpose), "anna", "Set up with the connection")

    def _changing(
        self, at: datetime, author: str, reason: str, purpose: Purpose, whole: tuple[MappingRule, ...]
    ) -> Story:
        yield at
        self._replace(self.us.connection_id, purpose, whole, author, reason)

    def _replace(
        self, connection_id: int, purpose: Purpose, whole: Sequence[MappingRule], author: str, reason: str
    ) -> None:
        self.database.write_sync(
            lambda tx: rule_rows.replace(tx, connection_id, purpose, whole, actor=author, reason=reason)
        )

    # -- the days before ---------------------------------------------------------------------------------------------

    def _set_up(self) -> Story:
        """Webhooks were registered when the connections were set up."""
        yield _SET_UP + timedelta(minutes=9)
        for shop in (self.us, self.eu):
            self.database.write_sync(lambda tx, shop=shop: self._register(tx, shop))  # type: ignore[misc]

    def _register(self, tx: Tx, shop: Teller) -> None:
        subject = f"connection:{_name(tx.conn, shop)}"
        for number, scope in enumerate(WANTED_SCOPES):
            health.save_hook(tx, _hook(shop, number, scope, WebhookState.HEALTHY, action="created"))
        fresh = WebhookHealth(shop.connection_id, registered=True, state=WebhookState.HEALTHY)
        webhooks.set_health(tx, replace(fresh, looked_at=tx.now, checked_at=tx.now), subject=subject, actor="anna")
        done = [{"scope": scope, "action": "created"} for scope in WANTED_SCOPES]
        journal.write(
            tx, "webhooks.registered", actor="anna", connection_id=shop.connection_id, subject=subject, actions=done
        )

    def _directories(self) -> Story:
        """Both directories of customers were read through this morning."""
        yield NOW - timedelta(hours=9)
        for shop in (self.us, self.eu):
            entries = [Entry(one.customer_id, one.name, one.emails, one.phones) for one in shop.ifs_customers]
            self.database.write_sync(lambda tx, shop=shop, entries=entries: _crawl(tx, shop.connection_id, entries))  # type: ignore[misc]

    def _old_backfill(self) -> Story:
        """One that ended on the first day."""
        wanted = Wanted(since=NOW - timedelta(days=25), until=NOW - timedelta(days=24))
        yield _SET_UP + timedelta(minutes=20)
        job = self.database.write_sync(lambda tx: backfills.begin(tx, self.us.connection_id, wanted, actor="anna"))
        self.database.write_sync(lambda tx: backfills.advance(tx, job, [], [], reached=112205, seen=184, calls=3))
        yield _SET_UP + timedelta(minutes=22)
        self.database.write_sync(lambda tx: backfills.end(tx, job, actor="anna"))

    def _running_backfill(self) -> Story:
        """One that is reading; what it named is due without hurry."""
        wanted = Wanted(since=NOW - timedelta(days=60), until=NOW - timedelta(days=25))
        nobody: tuple[Listing, ...] = ()
        yield NOW - timedelta(minutes=3)
        job = self.database.write_sync(lambda tx: backfills.begin(tx, self.us.connection_id, wanted, actor="dana"))
        yield NOW - timedelta(seconds=50)
        named = range(111802, 111808)
        self.database.write_sync(
            lambda tx: backfills.advance(tx, job, named, nobody, reached=111807, seen=500, calls=2)
        )

    def _paused(self) -> Story:
        """The EU shop's IFS refuses our secret since a quarter of an hour."""
        yield NOW - timedelta(minutes=17)
        cause, remedy = (
            "IFS refused the client's secret (401 invalid_client).",
            ("Set a new one: bcifs connection set acme-eu ifs.client_secret"),
        )
        probe_at = NOW + timedelta(seconds=38)

        def write(tx: Tx) -> None:
            number = self.eu.connection_id
            health.set_breaker(
                tx, number, Side.IFS, is_open=True, cause=cause, remedy=remedy, failures=1, probe_at=probe_at
            )
            alerts.add(tx, number, level="trouble", title="acme-eu: IFS is paused", body=f"{cause}\n{remedy}")

        self.database.write_sync(write)

    def _troubled_hooks(self) -> Story:
        """One of the US shop's hooks lost our secret header; two of the EU shop's were switched off by BigCommerce."""
        yield NOW - timedelta(minutes=4)
        us, eu = self.us, self.eu
        flaw = "Does not carry our secret header, so its deliveries are refused"
        late = Finding("wrong_secret", WebhookState.DEGRADED, f"{flaw}: 1 of 10 webhooks (store/shipment/updated).")
        off = Finding(
            "deactivated",
            WebhookState.DEACTIVATED,
            "Was deactivated by BigCommerce: 2 of 10 webhooks (store/order/created, store/order/updated).",
        )
        stuck = Finding(
            "unfinished",
            WebhookState.DEACTIVATED,
            "The repair did not get through: BigCommerce refuses PUT /v3/hooks/{id} with 422: destination: the "
            "certificate of hooks.acme.example is not valid.",
            "Renew the certificate, then run: bcifs webhooks test --connection acme-eu",
        )

        def write(tx: Tx) -> None:
            health.save_hook(tx, _hook(us, 8, WANTED_SCOPES[8], WebhookState.DEGRADED, cause=flaw))
            _set_health(tx, us, WebhookState.DEGRADED, (late,), failing_since=NOW - timedelta(minutes=11))
            for number in (0, 1):
                cause = "Was deactivated by BigCommerce"
                health.save_hook(tx, _hook(eu, number, WANTED_SCOPES[number], WebhookState.DEACTIVATED, cause=cause))
            _set_health(tx, eu, WebhookState.DEACTIVATED, (stuck, off), failing_since=NOW - timedelta(hours=31))
            title = "acme-eu: webhooks are deactivated"
            alerts.add(tx, eu.connection_id, level="trouble", title=title, body=f"{off.text}\n{stuck.remedy}")
            for sent in alerts.take(tx)[:1]:
                alerts.sent(tx, sent.id)

        self.database.write_sync(write)

    # -- this moment -------------------------------------------------------------------------------------------------

    def now(self) -> None:
        """The books as last compared, the samples of the last minutes, the processes that live."""
        reconcile(self.database, self.us, NOW - timedelta(hours=10))
        reconcile(self.database, self.eu, NOW - timedelta(hours=10))
        self.database.write_sync(self._spoil_books)
        self.database.write_sync(self._sample)
        self.database.write_sync(self._breathe)

    def _spoil_books(self, tx: Tx) -> None:
        """One day is red, one explained, one out of date."""
        red, waits, late = (NOW.date() - timedelta(days=days) for days in (4, 3, 2))
        _without_one(tx, self.us.connection_id, red, _GONE_FROM_IFS)
        _without_one(tx, self.us.connection_id, waits, _WAITS)
        reconciliation.mark_outdated(tx, self.us.connection_id, [late])

    def _sample(self, tx: Tx) -> None:
        outcomes = {self.us.connection_id: ("wrong_secret_header", 9), self.eu.connection_id: ("wrong_signature", 4)}
        for shop, (refusal, every) in outcomes.items():
            for step in range(90):
                then = replace(tx, now=NOW - timedelta(seconds=10 * step))
                webhooks.add_sample(then, shop, "accepted", 2 + step * 7 % 5 if shop == self.us.connection_id else 1)
                if step % every == 0:
                    webhooks.add_sample(then, shop, refusal, 1)
                    journal.count(then, "deliveries", f"refused:{refusal}", connection_id=shop)
            journal.count(tx, "deliveries", "accepted", connection_id=shop, delta=1180)
            journal.count(tx, "deliveries", "duplicate", connection_id=shop, delta=37)
        health.note_missed(tx, self.us.connection_id, seen_by_poll_only=2, seen_by_hook=211, at=NOW)
        for outcome, number in (("missed", 2), ("heard", 31)):
            webhooks.add_sample(tx, self.us.connection_id, webhooks.of_scope(outcome, "store/shipment/created"), number)

    def _breathe(self, tx: Tx) -> None:
        address = {"host": "127.0.0.1", "port": 8080, "admin_port": 9464}
        quotas = {self.us.connection_id: {"left": 402, "of": 450}, self.eu.connection_id: {"left": 150, "of": 150}}
        ack = {"p50_ms": 1.8, "p99_ms": 6.4, "number": 118}
        detail = {**address, "pid": 4711, "connections": connections.digest(tx.conn), "ack": ack, "quotas": quotas}
        detail["answered"] = {
            self.us.connection_id: {"bigcommerce": _ago(minutes=2), "ifs": _ago(seconds=12)},
            self.eu.connection_id: {"bigcommerce": _ago(minutes=2), "ifs": _ago(minutes=14)},
        }
        health.beat(replace(tx, now=NOW - timedelta(hours=31, minutes=12)), _SERVICE, "all", detail)
        health.beat(tx, _SERVICE, "all", detail)
        for shop in (self.us, self.eu):
            health.set_cursor(tx, shop.connection_id, "orders_modified", (NOW - timedelta(minutes=2)).isoformat())
        while journal.seal(tx):
            pass


# -- hooks -------------------------------------------------------------------------------------------------------------


def _name(conn: Connection, shop: Teller) -> str:
    return connections.all_names(conn)[shop.connection_id]


def _hook(
    shop: Teller, number: int, scope: str, state: WebhookState, *, cause: str = "", action: str = ""
) -> HookRecord:
    destination = f"https://hooks.acme.example/webhooks/bigcommerce/{shop.connection_id:032x}"
    active = state is not WebhookState.DEACTIVATED
    number += 30_217_000 + 100 * shop.connection_id
    return HookRecord(
        shop.connection_id, scope, number, destination, active, state.value, cause, None, None, None, action
    )


def _set_health(
    tx: Tx, shop: Teller, state: WebhookState, findings: tuple[Finding, ...], *, failing_since: datetime
) -> None:
    known = webhooks.health_of(tx.conn, shop.connection_id)
    now = replace(
        known, state=state, findings=findings, looked_at=NOW - timedelta(seconds=22),
        checked_at=NOW - timedelta(seconds=22), listener_seen_at=NOW - timedelta(seconds=22),
        failing_since=failing_since, failed_at=NOW - timedelta(minutes=1),
    )  # fmt: skip
    webhooks.set_health(tx, now, subject=f"connection:{_name(tx.conn, shop)}", actor="watcher")


def _crawl(tx: Tx, connection_id: int, entries: Sequence[Entry]) -> None:
    begun = directory.begin(tx, connection_id)
    read = directory.put(tx, connection_id, begun, sorted(entries, key=lambda entry: entry.customer_id))
    directory.complete(tx, connection_id, read)


# -- books -------------------------------------------------------------------------------------------------------------

_GONE_FROM_IFS: Final = {
    "verdict": "red",
    "explanation": "It was posted as {reference}, and IFS does not show it.",
    "remedy": "Find out in IFS who removed it, and enter it there again with the reference {key}.",
}
_WAITS: Final = {
    "verdict": "explained",
    "explanation": "Order {order_id} is waiting (period): {key} was not posted.",
    "remedy": "Open the period in IFS, then sync this order.",
}


def reconcile(database: Database, shop: Teller, made_at: datetime) -> None:
    """Compare last week's days of one shop, all of them green: IFS has what our ledger has."""

    def read(conn: Connection) -> list[LedgerDocument]:
        return [found for found in books.documents(conn, [shop.connection_id]) if found.confirmed_at is not None]

    first, last = NOW.date() - timedelta(days=7), NOW.date() - timedelta(days=1)
    sums: dict[tuple[date, str], list[Decimal]] = defaultdict(list)
    for found in database.read_sync(read):
        day, kind = _place(found)
        if kind and first <= day <= last:
            sums[day, kind].append(found.amount)
    currency = "USD" if shop.connection_id == 1 else "EUR"
    rows = [
        ReconciledDay(day, currency, kind, len(found), sum(found), len(found), sum(found), "green", made_at)  # type: ignore[arg-type]
        for (day, kind), found in sorted(sums.items())
    ]
    database.write_sync(lambda tx: reconciliation.replace(tx, shop.connection_id, first, last, rows))


def _place(found: LedgerDocument) -> tuple[date, str]:
    """The day and kind under which a document is compared; no kind where it is not."""
    if found.kind is DocumentKind.CUSTOMER_ORDER:
        return found.created_at.astimezone(UTC).date(), "orders"
    if found.kind is DocumentKind.VOUCHER and found.day is not None:
        return found.day, _KINDS.get(found.key.split("/")[1], "other")
    return found.created_at.date(), ""


def _without_one(tx: Tx, connection_id: int, day: date, said: Mapping[str, str]) -> None:
    """IFS lacks one payment of that day."""
    rows = reconciliation.between(tx.conn, connection_id, day, day)
    vouchers = books.documents(tx.conn, [connection_id], kinds=[DocumentKind.VOUCHER], first=day, last=day)
    lost = next(found for found in reversed(vouchers) if "/PAY/" in found.key)
    order_id = int(lost.subject.partition(":")[2])
    words: dict[str, Any] = {"reference": lost.reference, "key": lost.key, "order_id": order_id}
    difference = {
        "what": "missing", "key": lost.key, "order_id": order_id, "ifs_reference": None,
        "store_amount": f"{lost.amount:f}", "ifs_amount": None, "store_day": day.isoformat(), "ifs_day": None,
        "verdict": said["verdict"], "explanation": said["explanation"].format(**words),
        "remedy": said["remedy"].format(**words),
    }  # fmt: skip
    spoilt = [
        replace(
            row, ifs_count=row.ifs_count - 1, ifs_sum=row.ifs_sum - lost.amount, verdict=said["verdict"],
            differences=(difference,),
        )
        if row.kind == "payments"
        else row
        for row in (replace(row, made_at=NOW - timedelta(hours=10)) for row in rows)
    ]  # fmt: skip
    reconciliation.replace(tx, connection_id, day, day, spoilt)


def _ago(**past: int) -> str:
    return (NOW - timedelta(**past)).isoformat()
