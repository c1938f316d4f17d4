"""Alerts go out once; what no channel took is tried again; a missing extra and a wrong URL are said without the URL."""

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.settings import load_settings
from bcifs_console.service import Service
from bcifs_console.store import alerts as rows
from bcifs_console.store.alerts import AGAIN_AFTER, ATTEMPTS
from bcifs_console.store.database import Database
from bcifs_console.store.tables import alert
from bcifs_console.sync.alerts import Alerts, AlertsUnavailable, apprise_channels
from tests.simulator.clients import receiver

URL = "mailto://user:planted-password@example.com"


class Apprise:
    """As much of Apprise as is used."""

    made: list["Apprise"]

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.made.append(self)

    def add(self, url: str) -> bool:
        self.urls.append(url)
        return "://" in url

    async def async_notify(self, **message: Any) -> bool:
        self.sent.append(message)
        return True


@pytest.fixture
def apprise(monkeypatch: pytest.MonkeyPatch) -> list[Apprise]:
    module = ModuleType("apprise")
    module.Apprise = Apprise  # type: ignore[attr-defined]  # a stand-in for the extra
    monkeypatch.setitem(sys.modules, "apprise", module)
    monkeypatch.setattr(Apprise, "made", [], raising=False)
    return Apprise.made


@pytest.fixture
def no_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)


class Channel:
    """Takes messages, or not."""

    def __init__(self, *answers: bool | BaseException) -> None:
        self.taken: list[str] = []
        self.answers = list(answers)

    async def __call__(self, title: str, body: str, level: str) -> bool:
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, BaseException):
            raise answer
        if answer:
            self.taken.append(title)
        return answer


def write(database: Database, *titles: str) -> None:
    for title in titles:
        database.write_sync(lambda tx, t=title: rows.add(tx, None, level="trouble", title=t, body="b"))  # type: ignore[misc]


def newest(database: Database) -> list[Any]:
    newest_first = select(alert).order_by(alert.c.id.desc())
    return list(database.read_sync(lambda conn: conn.execute(newest_first).all()))


async def test_each_goes_out_once_in_order(database: Database) -> None:
    channel = Channel()
    alerts = Alerts(database, channel)
    write(database, "first", "second")
    assert await alerts.flush() == 2
    assert await alerts.flush() == 0
    assert channel.taken == ["first", "second"]
    assert all(alert.settled_at for alert in newest(database))


async def test_a_slow_channel_takes_no_longer_for_many_than_for_one(database: Database) -> None:
    everyone = asyncio.Barrier(3)

    async def slow(title: str, body: str, level: str) -> bool:
        await everyone.wait()
        return True

    write(database, "first", "second", "third")
    async with asyncio.timeout(5):
        assert await Alerts(database, slow).flush() == 3


async def test_what_no_channel_took_is_tried_again_in_a_while(database: Database, clock: ManualClock) -> None:
    channel = Channel(False, OSError("smtp://user:planted-password@example.com"))
    alerts = Alerts(database, channel)
    write(database, "first")
    assert await alerts.flush() == 0
    assert await alerts.flush() == 0
    assert len(channel.answers) == 1  # it was not tried at once
    clock.advance(AGAIN_AFTER.total_seconds())
    assert await alerts.flush() == 0
    (alert,) = newest(database)
    assert (alert.settled_at, alert.error, alert.attempts) == (None, "OSError", 2)
    clock.advance(AGAIN_AFTER.total_seconds())
    assert await alerts.flush() == 1
    assert channel.taken == ["first"]


async def test_it_is_given_up_at_last(database: Database, clock: ManualClock) -> None:
    channel = Channel(*[False] * 100)
    alerts = Alerts(database, channel)
    write(database, "first")
    for _ in range(ATTEMPTS + 5):
        await alerts.flush()
        clock.advance(AGAIN_AFTER.total_seconds())
    (alert,) = newest(database)
    assert alert.attempts == ATTEMPTS
    assert alert.settled_at is not None
    assert len(channel.answers) == 100 - ATTEMPTS


async def test_two_processes_send_it_once(database: Database) -> None:
    write(database, "first")
    taken = await database.write(rows.take)
    assert [alert.title for alert in taken] == ["first"]
    assert await database.write(rows.take) == []


async def test_apprise_is_given_the_urls_and_the_kind(apprise: list[Apprise], database: Database) -> None:
    alerts = Alerts(database, apprise_channels([URL, "json://localhost"]))
    write(database, "a title")
    assert await alerts.flush() == 1
    (made,) = apprise
    assert made.urls == [URL, "json://localhost"]
    assert made.sent == [{"title": "a title", "body": "b", "notify_type": "warning"}]


def test_a_url_that_apprise_does_not_know_is_said_by_its_place(apprise: list[Apprise]) -> None:
    with pytest.raises(AlertsUnavailable, match="Alert URL 2 of 2") as raised:
        apprise_channels([URL, "planted-password"])
    assert "planted" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # imported by Apprise
async def test_the_real_apprise_posts_it(database: Database) -> None:
    async with receiver() as channel:
        alerts = Alerts(database, apprise_channels([channel.url.replace("http://", "json://")]))
        write(database, "acme-us: webhooks are deactivated")
        assert await alerts.flush() == 1
        (request,) = channel.received
        assert (request.json()["title"], request.json()["type"]) == ("acme-us: webhooks are deactivated", "warning")
        channel.answer = lambda _: 500
        write(database, "second")
        assert await alerts.flush() == 0


async def test_a_service_with_alert_urls_and_without_apprise_does_not_start(
    no_apprise: None, tmp_path: Any, clock: ManualClock
) -> None:
    settings = load_settings(home=tmp_path, port=0, admin_port=0, alert_urls=URL)
    assert "planted" not in repr(settings)
    with pytest.raises(AlertsUnavailable, match=r"bcifs-console\[alerts\]") as raised:
        await Service(settings, clock).start()
    assert "planted" not in str(raised.value)
