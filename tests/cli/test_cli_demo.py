"""`bcifs demo --headless`: every order in IFS or waiting, none failed, none twice, the same seed the same counts."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
KEYS = {"orders", "in_ifs", "waiting", "failed", "skipped", "ignored", "vouchers", "duplicates", "books", "elapsed_s"}
COUNTS = ("orders", "in_ifs", "waiting", "failed", "skipped", "ignored", "vouchers", "duplicates")

pytestmark = pytest.mark.process


def bcifs(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, without this machine's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BCIFS_")}
    command = [sys.executable, "-m", "bcifs_console", *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=110)
    assert ran.returncode == code, ran.stderr[-3000:]
    return ran


def summary(ran: subprocess.CompletedProcess[str], orders: int) -> dict[str, Any]:
    """The demo's one JSON document, in which every order must be accounted for."""
    found: dict[str, Any] = json.loads(ran.stdout)
    assert set(found) >= KEYS
    assert found["orders"] == orders
    assert found["in_ifs"] + found["waiting"] + found["failed"] + found["skipped"] == orders
    assert (found["failed"], found["duplicates"], found["books"]) == (0, 0, "green")
    assert found["vouchers"] >= orders, "at least a payment of most, and their shipments"
    assert found["elapsed_s"] > 0
    return found


def customer_balances(path: Path) -> dict[str, Decimal]:
    """What is left on the customer balance by link (BC-5001), as beancount reads the export."""
    entries, errors, _ = loader.load_file(str(path))
    assert not errors
    left: dict[str, Decimal] = {}
    for entry in entries:
        if not isinstance(entry, data.Transaction):
            continue
        (link,) = entry.links
        for posting in entry.postings:
            if posting.account.startswith("Liabilities:CustomerBalance:"):
                assert posting.units is not None
                assert posting.units.number is not None
                left[link] = left.get(link, Decimal(0)) + posting.units.number
    return left


def test_the_same_seed_gives_the_same_counts_and_a_given_home_is_kept(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "kept"))
    demo = ("demo", "--headless", "--orders", "20", "--seed", "3", "--json")
    first, second = summary(bcifs(*home, *demo), 20), summary(bcifs(*demo), 20)
    assert {name: first[name] for name in COUNTS} == {name: second[name] for name in COUNTS}
    assert first["in_ifs"] >= 15
    assert first["ignored"] == 1, "beside every twenty orders one that does not pass the status gate"
    kept = json.loads(bcifs(*home, "orders", "list", "--json").stdout)
    assert len(kept) == 21
    assert sum(row["state"] == "synced" for row in kept) == first["in_ifs"]
    assert not (tmp_path / "kept" / "connection.toml").exists(), "it held the secrets"
    export = tmp_path / "books.beancount"
    bcifs(*home, "ledger", "export", "--format", "beancount", str(export))
    checked = subprocess.run([BEAN_CHECK, export], capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    left = customer_balances(export)
    settled = [row["order_id"] for row in kept if row["settled"]]
    assert len(settled) >= 10
    assert {order_id: left[f"BC-{order_id}"] for order_id in settled} == dict.fromkeys(settled, Decimal(0))
    assert any(left.values()), "an order that is not settled holds money, or owes some"
    again = bcifs(*home, *demo, code=1)
    assert "in use" in again.stderr
    assert "--home" in again.stderr
    assert again.stdout == ""


def test_a_storm_loses_and_doubles_nothing() -> None:
    """Without a terminal it is headless by itself and tells people; exit 0 says that nothing failed or is twice."""
    said = " ".join(bcifs("demo", "--orders", "6", "--seed", "4", "--faults", "storm").stdout.split())
    assert "6 orders in" in said
    assert " 0 of them twice" in said
    assert " 0 failed" in said
