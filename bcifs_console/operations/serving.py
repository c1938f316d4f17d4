"""Starting and ending `bcifs serve` as a process of its own, for the console in front of it.

The process has a session of its own: it outlives the console and its terminal where it is let. What it writes goes to
HOME/logs/serve.log.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.settings import Settings
from bcifs_console.operations.context import Context
from bcifs_console.store import health

LOG: Final = "serve.log"
#: What was written before is kept once, where it is this long.
_LOG_BYTES: Final = 10_000_000
_TAIL_BYTES: Final = 8_000
#: Longer than the service gives the work under way to end.
_STOP_S: Final = 30.0


class ServiceNotStarted(Problem):
    """The process could not be made at all."""


class ServiceNotFound(Problem):
    """No service runs here that could be ended."""

    kind = ProblemKind.NOT_FOUND


class ServiceProcess:
    """A `bcifs serve` that this process started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self._process: Final = process
        self.log: Final = log
        self._log_start: Final = log_start

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def reason(self) -> str:
        """Why it ended, in its own words; "" while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        said = _last_words(self.log, self._log_start)
        return said or (f"signal {-code}" if code < 0 else f"exit status {code}, see logs/{self.log.name}")

    def stop(self) -> None:
        """End it in order and wait until it has ended; by force where it does not."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_service(settings: Settings) -> ServiceProcess:
    """Start `bcifs serve` on this home, with these settings. Raises ServiceNotStarted."""
    folder = settings.home / "logs"
    log = folder / LOG
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out:
            log.chmod(0o600)
            start = out.tell()
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "bcifs_console", "--home", str(settings.home), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(_environment(settings)),
                start_new_session=True,
            )
    except OSError as error:
        raise ServiceNotStarted(
            f"The service could not be started: {error.strerror or error}.", remedy="Start it by hand: bcifs serve"
        ) from None
    return ServiceProcess(process, log, start)


def _environment(settings: Settings) -> Iterator[tuple[str, str]]:
    """Ours, with the settings in force in it, wherever they came from."""
    yield from os.environ.items()
    for name in settings.model_fields_set - {"home"}:
        yield f"BCIFS_{name.upper()}", str(getattr(settings, name))


def _last_words(log: Path, start: int) -> str:
    """The problem it ended with, as the command line shows it: a line with ✗; "" where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(start, file.tell() - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.removeprefix("✗ ") for line in lines if line.startswith("✗ ")]
    return said[-1].strip() if said else ""


def is_served(context: Context) -> bool:
    """Whether a service lives on this store, here or on another machine."""
    now = context.clock.now()
    return bool(context.store.database.read_sync(lambda conn: health.living(conn, now)))


def stop_running(context: Context) -> int:
    """Ask the services that run on this machine to end, and return how many. Raises ServiceNotFound."""
    host = socket.gethostname()
    beats = context.store.database.read_sync(lambda conn: health.living(conn, context.clock.now()))
    pids = {beat.detail["pid"] for beat in beats if beat.owner.split(":")[0] == host and "pid" in beat.detail}
    asked = 0
    for pid in pids - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
            asked += 1
    if not asked:
        raise ServiceNotFound(
            "No service of yours runs on this machine.",
            remedy="Stop it where it runs: systemctl stop bcifs, or its owner.",
        )
    return asked
