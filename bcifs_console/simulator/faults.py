"""Misbehaviour on purpose: seeded profiles, and scripts that hit an exact call.

A fault never corrupts the truth. It decides how a call fares (not carried out, carried out but its answer lost, late,
or replaced), never what the fakes hold.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

PROFILES = ("none", "light", "storm")

# Carried out after these, or not at all.
BEFORE = ("drop_before", "status", "too_many", "too_many_bare", "html_502", "stale", "locked", "missing")
AFTER = ("drop_after_commit", "hang_after_commit", "status_after_commit", "no_content")


class BadScript(ValueError):
    """A fault script that cannot be understood."""


@dataclass(frozen=True)
class Fault:
    do: str
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0


@dataclass
class ScriptedFault:
    """Hits the `nth` matching call and the `times - 1` after it."""

    side: str
    match: re.Pattern[str]
    nth: int
    times: int
    fault: Fault
    seen: int = 0

    def hits(self, side: str, call: str) -> bool:
        if side != self.side or not self.match.search(call):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(frozen=True)
class _Rate:
    chance: float
    do: str
    methods: str  # "any", "write" or "action"
    sides: tuple[str, ...] = ("bigcommerce", "ifs")
    seconds: float = 0.0


# Chances are per call. `light` adds up to about two in a hundred on either side.
_RATES: dict[str, tuple[_Rate, ...]] = {
    "none": (),
    "light": (
        _Rate(0.004, "drop_after_commit", "any"),
        _Rate(0.004, "too_many", "any", ("bigcommerce",)),
        _Rate(0.004, "status", "any"),
        _Rate(0.002, "html_502", "any"),
        _Rate(0.004, "slow", "any", seconds=0.3),
        _Rate(0.004, "no_content", "write", ("ifs",)),
        _Rate(0.005, "stale", "action", ("ifs",)),
    ),
    "storm": (
        _Rate(0.03, "drop_after_commit", "any"),
        _Rate(0.01, "drop_before", "any"),
        _Rate(0.02, "too_many", "any", ("bigcommerce",)),
        _Rate(0.01, "too_many_bare", "any", ("bigcommerce",)),
        _Rate(0.01, "too_many_bare", "any", ("ifs",)),
        _Rate(0.02, "status", "any"),
        _Rate(0.01, "html_502", "any"),
        _Rate(0.05, "slow", "any", seconds=1.0),
        _Rate(0.03, "no_content", "write", ("ifs",)),
        _Rate(0.03, "stale", "action", ("ifs",)),
        _Rate(0.01, "locked", "write", ("ifs",)),
    ),
}

_SERVER_ERRORS = (500, 502, 503, 504)


@dataclass(frozen=True)
class DeliveryFaults:
    """What a profile does to webhook deliveries."""

    doubled: float = 0.0
    first_dropped: float = 0.0
    shuffle_seconds: float = 0.0
    retry_delays: tuple[float, ...] | None = None
    missing_after_event: float = 0.0


_DELIVERIES = {
    "none": DeliveryFaults(),
    "light": DeliveryFaults(doubled=0.02, shuffle_seconds=0.3),
    # Retries within seconds, so that a storm passes while one looks at it: a demo cannot wait for the real ladder.
    "storm": DeliveryFaults(0.30, 0.20, 1.5, (1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0), 0.05),
}


class Faults:
    """One for both sides: it holds the profile, the scripts and the dice."""

    def __init__(self, profile: str, seed: int) -> None:
        self.random = random.Random(f"faults/{seed}")
        self.script: list[ScriptedFault] = []
        self.counts: dict[str, int] = {}
        self.profile = "none"
        self.use(profile)

    def use(self, profile: str) -> None:
        if profile not in PROFILES:
            raise BadScript(f"profile must be one of {', '.join(PROFILES)}")
        self.profile = profile

    @property
    def deliveries(self) -> DeliveryFaults:
        return _DELIVERIES[self.profile]

    @property
    def token_lifetime(self) -> int | None:
        """Tokens die after five seconds in a storm."""
        return 5 if self.profile == "storm" else None

    def add_script(self, entries: list[dict[str, Any]]) -> None:
        self.script.extend(_scripted(entry) for entry in entries)

    def pick(self, side: str, method: str, path: str, action: bool) -> Fault | None:
        fault = self._scripted(side, f"{method} {path}") or self._rolled(side, method, action)
        if fault is not None:
            key = f"{side}.{fault.do}"
            self.counts[key] = self.counts.get(key, 0) + 1
        return fault

    def _scripted(self, side: str, call: str) -> Fault | None:
        hit: Fault | None = None
        for entry in self.script:
            if entry.hits(side, call) and hit is None:
                hit = entry.fault
        return hit

    def _rolled(self, side: str, method: str, action: bool) -> Fault | None:
        rates = _RATES[self.profile]
        if not rates:
            return None
        dice = self.random.random()
        for rate in rates:
            if side not in rate.sides or not _applies(rate.methods, method, action):
                continue
            if dice < rate.chance:
                return self._made(rate)
            dice -= rate.chance
        return None

    def _made(self, rate: _Rate) -> Fault:
        fault = Fault(rate.do, seconds=rate.seconds)
        if rate.do == "status":
            return replace(fault, status=self.random.choice(_SERVER_ERRORS))
        if rate.do == "slow":
            return replace(fault, seconds=rate.seconds * self.random.random())
        return fault


def _applies(methods: str, method: str, action: bool) -> bool:
    if methods == "any":
        return True
    if methods == "action":
        return action
    return method in ("POST", "PATCH", "PUT") and not action


def _scripted(entry: dict[str, Any]) -> ScriptedFault:
    do = entry.get("do", "status")
    if do not in (*BEFORE, *AFTER, "slow"):
        raise BadScript(f"unknown fault {do!r}")
    if entry.get("side") not in ("bigcommerce", "ifs"):
        raise BadScript("side must be bigcommerce or ifs")
    try:
        match = re.compile(entry.get("match", "."))
    except re.error as error:
        raise BadScript(f"match: {error}") from error
    fault = Fault(
        do,
        status=int(entry.get("status", 503)),
        headers={str(k): str(v) for k, v in entry.get("headers", {}).items()},
        body=str(entry.get("body", "")),
        seconds=float(entry.get("seconds", 0)),
    )
    return ScriptedFault(entry["side"], match, int(entry.get("nth", 1)), int(entry.get("times", 1)), fault)
