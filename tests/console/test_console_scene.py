"""The scene itself: it holds one of everything, its books are right, and it is the same each time it is built."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations.context import Context
from bcifs_console.store import books, customers, health, journal, queue, reconciliation, views, webhooks
from bcifs_console.store.tables import metadata
from tests.console import scene as scenes
from tests.console.scene_goods import HOSTILE, NOW

#: Columns and tables of the store that hold random bytes by design.
_RANDOM = frozenset({"secret"})


def _read(context: Context, ask: Any) -> Any:
    return context.store.database.read_sync(ask)


def test_it_has_every_state_and_every_reason(scene: Context) -> None:
    orders = _read(scene, views.orders)
    assert {order.state for order in orders} == {state.value for state in OrderState}
    assert {order.reason for order in orders if order.reason} == {reason.value for reason in Reason}
    assert 60 <= len(orders) <= 90
    assert {order.connection for order in orders} == {scenes.US, scenes.EU}


def test_it_has_questions_with_and_without_candidates_and_hooks_in_every_health(scene: Context) -> None:
    asked = _read(scene, customers.open_decisions)
    assert {len(question.candidates) for question in asked} >= {0, 1, 2}
    assert {hook.state for hook in _read(scene, health.hooks)} == {
        WebhookState.HEALTHY.value,
        WebhookState.DEGRADED.value,
        WebhookState.DEACTIVATED.value,
    }
    assert len(_read(scene, webhooks.healths)) == 2
    assert any(breaker.is_open for breaker in _read(scene, health.breakers))
    assert [beat.role for beat in _read(scene, lambda conn: health.living(conn, NOW))] == ["all"]


def test_every_voucher_balances_and_the_journal_holds(scene: Context) -> None:
    from bcifs_console.domain.codec import decode_voucher

    found = _read(scene, lambda conn: books.documents(conn, [1, 2], kinds=[DocumentKind.VOUCHER]))
    drafts = [decode_voucher(voucher.draft) for voucher in found]
    assert len(drafts) > 60
    assert all(draft.debits == draft.credits for draft in drafts)
    assert _read(scene, journal.verify) is None


def test_its_days_are_green_explained_red_and_out_of_date(scene: Context) -> None:
    rows = _read(scene, lambda conn: reconciliation.between(conn, 1, NOW.date().replace(day=1), NOW.date()))
    assert {row.verdict for row in rows} == {"green", "explained", "red"}
    assert any(row.outdated for row in rows)
    (red,) = (row for row in rows if row.verdict == "red")
    (lost,) = red.differences
    assert red.store_sum - red.ifs_sum > 0
    document = _read(scene, lambda conn: books.documents(conn, [1], order_id=lost["order_id"]))
    assert lost["key"] in {found.key for found in document}


def test_it_is_built_the_same_each_time(scene: Context, tmp_path: Path) -> None:
    again = scenes.build(tmp_path / "again")
    try:
        assert _dump(again) == _dump(scene)
    finally:
        again.store.close()


def _dump(context: Context) -> dict[str, list[tuple[Any, ...]]]:
    def read(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: [tuple(row) for row in conn.execute(select(table))]
            for table in metadata.sorted_tables
            if table.name not in _RANDOM
        }

    return context.store.database.read_sync(read)


def test_the_hostile_scene_has_the_hostile_names_as_they_came(hostile_scene: Context) -> None:
    names = {order.buyer_name for order in _read(hostile_scene, views.orders)}
    assert {buyer.address.name for buyer in HOSTILE} <= names


def test_the_empty_scene_has_no_connection(empty_scene: Context) -> None:
    assert _read(empty_scene, views.orders) == []
    assert _read(empty_scene, queue.states) == {}
