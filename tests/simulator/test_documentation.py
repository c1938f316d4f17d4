"""`docs/simulator.md` describes the world as it is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from bcifs_console.simulator import world
from bcifs_console.simulator.bigcommerce.habits import Habits
from bcifs_console.simulator.bigcommerce.lives import names
from bcifs_console.simulator.ifs import master, rates
from bcifs_console.simulator.ifs.projections import PROJECTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_the_world_is_described() -> None:
    for part in world.PARTS:
        assert f"| `{part.sku}` | {part.name} | {part.price} | {part.sales_group} |" in TEXT
    for buyer in world.BUYERS:
        assert f"| {buyer.email} | {buyer.address.country_iso2} | {', '.join(buyer.ifs_ids) or 'unknown'} |" in TEXT
    for number, (name, kind) in master.ACCOUNTS.items():
        assert f"| {number} | {name} | {kind} |" in TEXT
    for code, rate in master.TAX_RATES.items():
        assert f"| {code} | {rate * 100:.2f} % |" in TEXT
    for kind in master.CHARGE_TYPES:
        assert f"\n| {kind} | " in TEXT
    for group, account in master.REVENUE_ACCOUNTS.items():
        assert f"{group} → {account}" in TEXT
    for name in PROJECTIONS:
        assert name in TEXT


def test_lives_habits_and_rates_are_described() -> None:
    for name in names():
        assert f"`{name}`" in TEXT
    for habit in fields(Habits):
        assert f"`{habit.name}`" in TEXT
    for code, rate in rates.CURRENCY_RATES.items():
        assert code == "USD" or f"{code} {rate}" in TEXT or f"{code} {rate * 100:.2f} per 100" in TEXT
