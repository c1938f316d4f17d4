"""What Overview, Jobs and Log ask walks an index at 100,000 orders and as many journal rows, on both databases."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, event, text

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import group_retries
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.group_retries import Group
from bcifs_console.store.tables import connection
from bcifs_console.store.views import activity, jobs, overview, problems
from bcifs_console.store.views.activity import Wanted

if TYPE_CHECKING:
    from tests.conftest import PostgresqlServer

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)"
#: Tables that grow; the others have a few rows for each connection.
LARGE = ("store_order", "journal", "reconciliation")
#: A moment so many minutes before noon, in each engine's words.
_AGO = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2026-12-01 12:00:00', '-' || ({}) || ' minutes')",
    "postgresql": "timestamptz '2026-12-01 12:00:00Z' - ({}) * interval '1 minute'",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def crowded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """100,000 orders, one a minute, nearly all of them synced; as many journal rows; ten years of reconciled days."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("watched") / "bcifs.db"
        shutil.copyfile(template, path)
        yield from _filled(f"sqlite:///{path}")
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        with server.new_database() as url:
            yield from _filled(url)


def _filled(url: str) -> Iterator[Database]:
    database = Database(url, clock=ManualClock(NOON))
    database.write_sync(_fill)
    database.write_sync(lambda tx: tx.conn.execute(text("ANALYZE")) if not tx.is_sqlite else None)
    yield database
    database.close()


def _fill(tx: Tx) -> None:
    for number in (1, 2):
        tx.conn.execute(connection.insert().values(id=number, name=f"c{number}", token=f"t{number}", created_at=tx.now))
    ago = _AGO["sqlite" if tx.is_sqlite else "postgresql"]
    states = {7: "waiting", 8: "failed", 9: "due", 10: "working"}
    cases = " ".join(f"WHEN {number} THEN '{state}'" for number, state in states.items())
    state = f"CASE i % 100 {cases} ELSE 'synced' END"
    tx.conn.execute(
        text(
            "INSERT INTO store_order (connection_id, order_id, state, reason, cause, first_seen_at, placed_at, due_at, "
            f"lease_until, background, backfill) {_NUMBERS} SELECT 1 + i % 2, i, {state}, "
            "CASE i % 100 WHEN 7 THEN 'mapping' ELSE '' END, "
            "CASE WHEN i % 100 IN (7, 8) THEN 'cause ' || (i % 37) ELSE '' END, "
            f"{ago.format('i')}, {ago.format('i')}, "
            f"CASE i % 100 WHEN 9 THEN {ago.format('i - 500')} END, CASE i % 100 WHEN 10 THEN {ago.format('-i')} END, "
            f"i % 200 = 9, CASE WHEN i % 100 = 9 THEN 1 END FROM n"
        )
    )
    tx.conn.execute(
        text(
            "INSERT INTO journal (at, actor, connection_id, subject, event, detail) "
            f"{_NUMBERS} SELECT {ago.format('100000 - i')}, 'service', 1 + i % 2, 'order:' || i, "
            "CASE i % 50 WHEN 3 THEN 'order.failed' ELSE 'order.synced' END, '{}' FROM n"
        )
    )
    day = "date('2016-01-01', '+' || (i % 3650) || ' days')" if tx.is_sqlite else "date '2016-01-01' + (i % 3650)"
    verdict = "CASE i % 5000 WHEN 0 THEN 'red' ELSE 'green' END"
    tx.conn.execute(
        text(
            "INSERT INTO reconciliation (connection_id, day, currency, kind, store_sum, ifs_sum, verdict, made_at) "
            f"{_NUMBERS} SELECT 1 + i % 2, {day}, 'USD', 'kind ' || (i / 3650), 1, 1, {verdict}, "
            f"{ago.format('0')} FROM n"
        )
    )


def plans_of(database: Database, run: Callable[[Connection], Any]) -> list[str]:
    """The steps the database takes for every statement of `run`: those of SQLite's plan, PostgreSQL's nodes."""
    found: list[str] = []
    explaining = False

    def explain(conn: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        nonlocal explaining
        if explaining or not statement.startswith(("SELECT", "WITH")):
            return
        explaining = True
        if database.is_sqlite:
            found.extend(row[3] for row in conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters))
        else:
            answer = conn.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters).scalar_one()
            found.extend(_nodes((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))
        explaining = False

    def read(conn: Connection) -> None:
        event.listen(conn, "before_cursor_execute", explain)
        try:
            run(conn)
        finally:
            event.remove(conn, "before_cursor_execute", explain)

    database.read_sync(read)
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[str]:
    yield f"{plan['Node Type']} {plan.get('Relation Name', '')} {plan.get('Index Cond', '')}".strip()
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def scans(steps: list[str]) -> list[str]:
    """Steps that read a whole large table."""
    return [
        step
        for step in steps
        if (step.startswith("SCAN ") and step.split()[1] in LARGE and "_red" not in step)  # its index holds red days
        or (step.startswith("Seq Scan") and step.split()[2:3] and step.split()[2] in LARGE)
    ]


GROUP = Group(2, "mapping", "cause 7")
VIEWS: dict[str, Callable[[Connection], Any]] = {
    "pulse": lambda conn: overview.pulse(conn, NOON),
    "orders per minute": lambda conn: overview.orders_per_minute(conn, NOON),
    "newest troubles": overview.newest_troubles,
    "open questions": overview.open_questions,
    "red days": overview.red_days,
    "connection healths": overview.connection_healths,
    "problem groups": problems.groups,
    "members of a group": lambda conn: group_retries.members(conn, GROUP),
    "backlog": lambda conn: jobs.backlog(conn, NOON),
    "working": jobs.working,
    "due": lambda conn: jobs.due(conn, NOON),
    "planned": lambda conn: jobs.planned(conn, NOON),
    "releases": jobs.releases,
    "backfills": lambda conn: jobs.backfills_shown(conn, NOON),
    "newest row": activity.newest,
    "rows by number": lambda conn: activity.entries(conn, [50_000, 50_001]),
    "the journal from its end": lambda conn: activity.ids(conn, window=1_000),
    "the journal since": lambda conn: activity.ids(conn, after=99_000),
    "the journal filtered": lambda conn: activity.ids(
        conn, Wanted(("order.failed", "breaker."), ("order.synced",), 1, "order 77"), window=1_000
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_that_is_shown_reads_a_whole_large_table(crowded: Database, name: str) -> None:
    steps = plans_of(crowded, VIEWS[name])
    assert steps
    assert scans(steps) == []


@pytest.mark.parametrize("name", ["due", "working", "newest troubles"])
def test_the_first_few_come_without_sorting_all(crowded: Database, name: str) -> None:
    steps = plans_of(crowded, VIEWS[name])
    assert [step for step in steps if step == "USE TEMP B-TREE FOR ORDER BY" or step.startswith("Sort")] == []


@pytest.mark.parametrize("crowded", ["sqlite"], indirect=True)  # only SQLite counts its steps
def test_the_numbers_of_the_tiles_touch_a_sliver_of_the_orders(crowded: Database) -> None:
    """They are asked for twice a second: of 100,000 orders, those of a day and those that wait, not the synced ones."""
    assert _steps(crowded, VIEWS["pulse"]) < 60_000
    assert _steps(crowded, VIEWS["orders per minute"]) < 10_000
    assert _steps(crowded, VIEWS["problem groups"]) < 120_000


def _steps(database: Database, run: Callable[[Connection], Any]) -> int:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 100
        return 0

    def measured(conn: Connection) -> None:
        driver = conn.connection.dbapi_connection
        assert driver is not None
        driver.set_progress_handler(count, 100)
        run(conn)
        driver.set_progress_handler(None, 100)

    database.read_sync(measured)
    return counted
