"""A program in a real pseudo-terminal: its bytes as they come, and the screen that a terminal would make of them."""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import pexpect
import pyte

SIZE: Final = (120, 36)
_PATIENCE_S: Final = 40.0
#: What leaving a terminal in order sends: the alternate screen is left, no mouse is reported, the cursor is shown.
ALTERNATE_ON: Final = b"\x1b[?1049h"
ALTERNATE_OFF: Final = b"\x1b[?1049l"
MOUSE_ON: Final = b"\x1b[?1000h"
MOUSE_OFF: Final = b"\x1b[?1000l"
CURSOR_ON: Final = b"\x1b[?25h"
CURSOR_OFF: Final = b"\x1b[?25l"


class Terminal:
    """A program in front of somebody. Ends it where the test did not."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        columns, lines = SIZE
        # COLUMNS and LINES win over the size of the terminal, and pytest with xdist sets them.
        unwanted = ("BCIFS_", "TMUX", "SSH_", "COLUMNS", "LINES")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        plain |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self._child = pexpect.spawn(
            command[0], list(command[1:]), env={**plain, **environment}, dimensions=(lines, columns), timeout=5
        )
        self.raw = bytearray()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)

    @classmethod
    def bcifs(cls, *words: str, tmpdir: str = "", **settings: str) -> "Terminal":
        """The program itself; `settings` are its settings by name, `tmpdir` where it makes its temporary files."""
        environment = {f"BCIFS_{name.upper()}": value for name, value in settings.items()}
        environment |= {"TMPDIR": tmpdir} if tmpdir else {}
        return cls([sys.executable, "-m", "bcifs_console", *words], environment)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.isalive():
            self._child.kill(signal.SIGTERM)
            self._take_rest()
        self._child.close(force=True)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    @property
    def is_alive(self) -> bool:
        return bool(self._child.isalive())

    def press(self, keys: str) -> None:
        """Type."""
        self._child.send(keys)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self._child.kill(number)

    def shows(self, *words: str) -> str:
        """Wait until all of `words` stand on the screen; answers with it."""
        end = time.monotonic() + _PATIENCE_S
        while not all(word in self.text for word in words):
            if time.monotonic() > end or not self._take():
                raise AssertionError(f"{words} never came onto the screen:\n{self.text}")
        return self.text

    def ends(self) -> int:
        """Wait until the program has ended; its exit status, negative for a signal."""
        self._take_rest()
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -self._child.signalstatus)

    def _take_rest(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while self._take():
            if time.monotonic() > end:
                raise AssertionError(f"the program does not end:\n{self.text}")

    def _take(self) -> bool:
        """Read what came; False at the end."""
        try:
            came = self._child.read_nonblocking(65_536, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += came
        self._stream.feed(came)
        return True

    def is_restored(self) -> bool:
        """Whether whoever sits there gets the terminal back as it was."""
        pairs = ((ALTERNATE_ON, ALTERNATE_OFF), (MOUSE_ON, MOUSE_OFF), (CURSOR_OFF, CURSOR_ON))
        return all(self.raw.rfind(undone) > self.raw.rfind(done) for done, undone in pairs)
