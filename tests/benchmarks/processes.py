"""Child processes of a benchmark: started, heard out for their JSON, asked, watched in /proc, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
#: The product's command as a user's shell runs it.
BCIFS: Final = str(Path(sys.executable).with_name("bcifs"))

_START_S: Final = 30.0
_STOP_S: Final = 30.0
_LINE_LIMIT: Final = 2**26
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Failed(RuntimeError):
    """A child process did not do what the benchmark needs."""


@dataclass(slots=True)
class Child:
    """A running child. `said` is the JSON it announced itself with."""

    process: asyncio.subprocess.Process
    log: Path
    said: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ask(self, question: Mapping[str, Any], timeout_s: float = 300.0) -> dict[str, Any]:
        """Send one JSON line and return the object that comes back."""
        assert self.process.stdin is not None, "started with a pipe"
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        await self.process.stdin.drain()
        return await self.hear(timeout_s)

    async def hear(self, timeout_s: float) -> dict[str, Any]:
        """The next JSON object it prints, on one line or several."""
        assert self.process.stdout is not None, "started with a pipe"
        text = b""
        async with asyncio.timeout(timeout_s):
            while line := await self.process.stdout.readline():
                text += line
                if line.rstrip().endswith(b"}"):
                    with contextlib.suppress(json.JSONDecodeError):
                        answer: dict[str, Any] = json.loads(text)
                        return answer
        raise Failed(f"a child ended by itself:\n{self.log.read_text()[-2000:]}")

    def cpu_s(self) -> float:
        """Seconds of processor time it has used, all threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory now (`VmRSS`) or at its highest (`VmHWM`), in MB of a million bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == what:
                return int(value.split()[0]) * 1024 / 1e6
        raise Failed(f"/proc does not tell {what}")

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def pin(self, cpu: int) -> None:
        """Let it run on one processor only, with all its threads."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})


@contextlib.asynccontextmanager
async def child(
    *command: str, log: Path, first: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A child process that has announced itself; ends with the block. `first` is told to it before that.

    Secrets go through `first`, never through the command line, which every user of the machine can read.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=_LINE_LIMIT,
        )
    started = Child(process, log, {})
    try:
        if first is not None:
            started.said = await started.ask(first, _START_S)
        else:
            started.said = await started.hear(_START_S)
        yield started
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()


async def command(*arguments: str) -> bytes:
    """Run a command to its end and return what it printed. Raises Failed where it does not exit with 0."""
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"{' '.join(arguments)} ended with {process.returncode}:\n{errors.decode()[-2000:]}")
    return out
