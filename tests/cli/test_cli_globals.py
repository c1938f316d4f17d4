"""What every command shares: `--home`, `BCIFS_HOME`, `--json`, exit codes, settings, a start without heavy imports."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import bcifs_console
from bcifs_console import __version__
from bcifs_console.cli.app import app, with_wait_filled_in
from tests.cli.shop import Shop, Terminal, write_connection

COMMANDS = [
    "demo",
    "simulator",
    "serve",
    "console",
    "run",
    "status",
    "poll",
    "connection-add",
    "connection-list",
    "connection-show",
    "connection-test",
    "connection-set",
    "connection-remove",
    "orders-list",
    "orders-show",
    "orders-plan",
    "orders-sync",
    "decisions-list",
    "decisions-create",
    "decisions-link",
    "decisions-skip",
    "webhooks-register",
    "webhooks-status",
    "webhooks-remove",
    "problems-list",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_contract_is_there(bcifs: Terminal, command: str) -> None:
    ran = bcifs(*command.split("-"), "--help")
    assert "Usage: bcifs" in ran.out
    silent = ("simulator", "console", "run", "set", "remove")
    shows = command.split("-")[-1] not in silent or command == "webhooks-remove"
    assert ("--json" in ran.out) == shows


def test_every_command_that_a_text_names_is_there() -> None:
    """Remedies name the command to run, so each must be one."""
    commands: Any = typer.main.get_command(app)
    below: dict[str, Any] = {
        name: getattr(commands.get_command(None, name), "commands", {}) for name in commands.list_commands(None)
    }
    prose = {"process", "alone", "key"}
    for path in Path(bcifs_console.__file__).parent.rglob("*.py"):
        for first, second in re.findall(r"\bbcifs ([a-z]+)(?: ([a-z]+))?", path.read_text(encoding="utf-8")):
            assert first in below or first in prose, f"{path.name}: bcifs {first}"
            if second and below.get(first):
                assert second in below[first], f"{path.name}: bcifs {first} {second}"


def test_home_stands_before_the_command(shop: Shop, environment: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    bcifs = Terminal(None)
    bcifs("--home", home, "connection", "add", write_connection(shop, tmp_path))
    assert (home / "bcifs.db").exists()
    assert len(bcifs.json("--home", home, "connection", "list")) == 1
    bcifs("connection", "list", "--home", home, code=2)


def test_bcifs_home(shop: Shop, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCIFS_HOME", str(tmp_path / "from-environment"))
    bcifs = Terminal(None)
    bcifs("connection", "add", write_connection(shop, tmp_path))
    assert (tmp_path / "from-environment" / "bcifs.db").exists()
    assert len(bcifs.json("connection", "list")) == 1
    assert bcifs.json("--home", tmp_path / "other", "connection", "list") == [], "--home wins"


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("orders",),
        ("orders", "nonsense"),
        ("orders", "show"),
        ("orders", "show", "text"),
        ("orders", "list", "--nonsense"),
        ("orders", "sync"),
        ("orders", "sync", "1", "--wait", "soon"),
        ("decisions", "link", "1"),
        ("connection", "add"),
        ("serve", "--port", "text"),
        ("serve", "--role", "nonsense"),
        ("simulator", "--quota", "many"),
        ("demo", "--orders", "0"),
        ("demo", "--faults", "hurricane"),
    ],
)
def test_wrong_usage_is_2_and_says_so_on_stderr(bcifs: Terminal, words: tuple[str, ...]) -> None:
    ran = bcifs(*words, code=2)
    assert "Usage" in ran.out + ran.err
    assert "Traceback" not in ran.err
    if words != ("orders",):
        assert ran.out == ""


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("BCIFS_PORT", "99999", "port"),
        ("BCIFS_CONCURRENCY", "none", "concurrency"),
        ("BCIFS_LOG_FORMAT", "x", "log_format"),
    ],
)
def test_a_wrong_setting_is_named(
    bcifs: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = bcifs("status", code=1)
    assert named in ran.said
    assert "→" in ran.err


def test_the_settings_file_is_read_and_the_environment_wins(bcifs: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bcifs.home is not None
    bcifs.home.mkdir()
    (bcifs.home / "settings.toml").write_text("concurrency = 0\n")
    assert "concurrency" in bcifs("status", code=1).said
    monkeypatch.setenv("BCIFS_CONCURRENCY", "4")
    bcifs("status")
    monkeypatch.delenv("BCIFS_CONCURRENCY")
    (bcifs.home / "settings.toml").write_text("concurency = 4\n")
    assert "concurency" in bcifs("status", code=1).said


def test_a_lost_master_key_is_never_replaced(shop: Shop, connected: Terminal) -> None:
    assert connected.home is not None
    (connected.home / "master.key").unlink()
    ran = connected("status", code=1)
    assert "master key" in ran.said
    assert "Restore" in ran.said
    assert not (connected.home / "master.key").exists()


def test_a_master_key_that_others_may_read_is_refused(connected: Terminal) -> None:
    assert connected.home is not None
    (connected.home / "master.key").chmod(0o644)
    ran = connected("status", code=1)
    assert "chmod 600" in ran.said


@pytest.mark.parametrize(
    ("words", "filled"),
    [
        ("orders sync 5001 --wait", "orders sync 5001 --wait 60"),
        ("orders sync 5001 --wait 5", "orders sync 5001 --wait 5"),
        ("orders sync 5001 5002 --wait 0.5 --json", "orders sync 5001 5002 --wait 0.5 --json"),
        ("orders sync 5001 --wait 5 5002", "orders sync 5001 --wait 5 5002"),
        ("orders sync 5001 --wait --json", "orders sync 5001 --wait 60 --json"),
        ("orders sync --wait 5001", "orders sync --wait 60 5001"),
        ("orders sync --wait 5001 5002", "orders sync --wait 60 5001 5002"),
        ("orders sync --wait=5 5001", "orders sync --wait=5 5001"),
        ("orders sync 5001 --wait=5", "orders sync 5001 --wait=5"),
        ("orders sync --connection 7 --wait 5001", "orders sync --connection 7 --wait 60 5001"),
        ("--home 9 orders sync --wait 5001", "--home 9 orders sync --wait 60 5001"),
        ("decisions link 3 C100 --note 1 --wait 5", "decisions link 3 C100 --note 1 --wait 5"),
        ("decisions skip --note 4 --wait 3", "decisions skip --note 4 --wait 60 3"),
        ("orders sync 5001 --wait soon", "orders sync 5001 --wait 60 soon"),
        ("decisions link 3 -- --wait", "decisions link 3 -- --wait"),
        ("status", "status"),
    ],
)
def test_a_number_behind_wait_is_seconds_only_where_something_to_act_on_was_named(words: str, filled: str) -> None:
    assert with_wait_filled_in(words.split()) == filled.split()


def test_version_imports_nothing_heavy() -> None:
    """`bcifs --version` answers before Typer is imported (DESIGN §17)."""
    script = (
        "import sys; sys.argv = ['bcifs', '--version']\n"
        "from bcifs_console.__main__ import main\n"
        "main()\n"
        "heavy = {'typer', 'rich', 'httpx', 'sqlalchemy', 'pydantic', 'asyncio', 'uvicorn'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"bcifs {__version__}\n", "")


def test_status_does_not_import_what_it_does_not_use() -> None:
    """Commands that only read the store ask neither system, so they do not wait for their clients (DESIGN §17)."""
    script = (
        "import sys, bcifs_console.cli.status\n"
        "heavy = {'httpx', 'uvicorn', 'textual', 'bcifs_console.sync.worker'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_version_behind_another_option(bcifs: Terminal) -> None:
    assert bcifs("--version").out == f"bcifs {__version__}\n"


def test_simulator_prints_one_line_that_connects(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bcifs_console", "simulator", "--seed", "5", "--quota", "off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        process.terminate()
        rest = process.stdout.read()
    assert (process.returncode, rest) == (0, "")
    assert set(about) == {"bigcommerce", "ifs"}
    assert set(about["bigcommerce"]) == {"api_url", "store_hash", "access_token", "client_id", "client_secret"}
    assert set(about["ifs"]) == {"base_url", "realm", "client_id", "client_secret", "company", "site"}
