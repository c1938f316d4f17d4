"""Starting the service as a process of its own: what it is given, why it ended, that it is ended in order."""

import os
import stat
import sys
from pathlib import Path

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.settings import Settings
from bcifs_console.operations import serving
from bcifs_console.operations.context import opened
from bcifs_console.operations.serving import ServiceNotFound, ServiceNotStarted
from bcifs_console.store import health
from tests.integration.waiting import until_sync


def _program(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a shell script run in place of `bcifs serve`."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(path))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home=home, port=18081, database_url="sqlite:////tmp/other.db")


def test_it_is_given_the_settings_in_force_and_a_session_of_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BCIFS_HOST", raising=False)
    body = 'echo "$@"; echo "$BCIFS_PORT $BCIFS_DATABASE_URL [$BCIFS_HOST]"; ps -o sid= -p $$'
    _program(tmp_path, body, monkeypatch)
    service = serving.start_service(settings)
    until_sync(lambda: not service.is_running, "the program has ended")
    log = settings.home / "logs" / "serve.log"
    command, told, session = log.read_text(encoding="utf-8").splitlines()
    assert command == f"-m bcifs_console --home {settings.home} serve"
    assert told == "18081 sqlite:////tmp/other.db []"
    assert int(session) != os.getsid(0)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo '✗ Port 8080 is in use.'; echo '  → Stop it.'; exit 1", "Port 8080 is in use."),
        ("echo trouble; exit 3", "exit status 3, see logs/serve.log"),
        ("kill -9 $$", "signal 9"),
    ],
)
def test_why_it_ended(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    (settings.home / "logs").mkdir()
    (settings.home / "logs" / "serve.log").write_text("✗ What an earlier one said.\n", encoding="utf-8")
    _program(tmp_path, body, monkeypatch)
    service = serving.start_service(settings)
    until_sync(lambda: not service.is_running, "the program has ended")
    assert service.reason() == reason


def test_it_is_asked_to_end_and_waited_for(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tmp_path / "done"
    _program(tmp_path, f"trap 'echo > {done}; exit 0' TERM; echo up; while :; do sleep 0.05; done", monkeypatch)
    service = serving.start_service(settings)
    until_sync(lambda: service.log.stat().st_size > 0, "the program is up")
    assert service.reason() == ""
    service.stop()
    assert done.exists()
    assert not service.is_running


def test_a_program_that_cannot_be_run_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ServiceNotStarted, match="No such file") as caught:
        serving.start_service(settings)
    assert "bcifs serve" in caught.value.remedy


def test_a_long_log_is_begun_anew_and_kept_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = settings.home / "logs" / "serve.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 10_000_001)
    _program(tmp_path, "echo new", monkeypatch)
    service = serving.start_service(settings)
    until_sync(lambda: not service.is_running, "the program has ended")
    assert log.read_text(encoding="utf-8") == "new\n"
    assert log.with_suffix(".log.1").stat().st_size == 10_000_001


def test_only_a_service_of_this_machine_is_asked_to_end(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: asked.append((pid, number)))
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    with opened(Settings(home=tmp_path / "home"), clock=clock, actor="dana") as context:
        database = context.store.database
        database.write_sync(lambda tx: health.beat(tx, "there:41:a", "all", {"pid": 41}))
        assert serving.is_served(context)
        with pytest.raises(ServiceNotFound):
            serving.stop_running(context)
        database.write_sync(lambda tx: health.beat(tx, "here:42:b", "all", {"pid": 42}))
        assert serving.stop_running(context) == 1
        assert asked == [(42, 15)]
        clock.advance(60)
        assert not serving.is_served(context)
