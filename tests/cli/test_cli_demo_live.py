"""`bcifs demo` on a terminal: the console on a shop that is open; leaving it ends everything and leaves nothing."""

import re
from pathlib import Path

import pytest

from tests.console.terminals import Terminal

pytestmark = pytest.mark.process


def test_the_shop_is_open_a_hint_leads_on_and_leaving_ends_everything(tmp_path: Path) -> None:
    with Terminal.bcifs("demo", "--orders", "8", tmpdir=str(tmp_path)) as terminal:
        terminal.shows("Overview", "IFS does not know 1 buyer: press 3")
        (home,) = tmp_path.glob("bcifs-demo-*")
        terminal.press("3")
        terminal.shows("Decisions", "links the buyer")
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _mentions(path, home)]
        assert len(pids) == 1, "the service is a process of its own"
        terminal.press("q")
        assert terminal.ends() == 0
        assert terminal.is_restored()
        assert re.search(rb"Everything of the demo has ended", terminal.raw)
    assert list(tmp_path.iterdir()) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def _mentions(process: Path, home: Path) -> bool:
    try:
        return str(home) in (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False  # it has ended meanwhile
