"""`bcifs console`, `bcifs run` and `bcifs` alone: what is said where there is no terminal, and what alone means."""

import pytest

from bcifs_console.cli.app import with_run_filled_in
from tests.cli.shop import Terminal


@pytest.mark.parametrize(
    ("arguments", "filled"),
    [
        ([], ["run"]),
        (["--home", "/x"], ["--home", "/x", "run"]),
        (["--home=/x"], ["--home=/x", "run"]),
        (["status"], ["status"]),
        (["--home", "/x", "status"], ["--home", "/x", "status"]),
        (["--help"], ["--help"]),
    ],
)
def test_alone_on_a_terminal_means_run(arguments: list[str], filled: list[str]) -> None:
    assert with_run_filled_in(arguments, has_terminal=True) == filled
    assert with_run_filled_in(arguments, has_terminal=False) == arguments


@pytest.mark.parametrize("command", ["console", "run"])
def test_without_a_terminal_it_says_what_to_use(bcifs: Terminal, command: str) -> None:
    ran = bcifs(command, code=2)
    assert "The console needs a terminal." in ran.err
    assert "bcifs status" in ran.err
    assert bcifs.home is not None
    assert not bcifs.home.exists(), "nothing is begun"


def test_alone_without_a_terminal_it_shows_the_help(bcifs: Terminal) -> None:
    ran = bcifs(code=None)
    assert "Usage: bcifs" in ran.out + ran.err
    assert "--readonly" in bcifs("console", "--help").out
