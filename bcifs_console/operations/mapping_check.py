"""`mapping check`: does IFS have what the rules lead to, do all rules ever decide anything, what do real orders lack.

IFS is only read. What it does not say is *unknown*, never taken for good.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bcifs_console.accounting.mapping import CODE_PARTS
from bcifs_console.accounting.mapping_faults import Finding, findings
from bcifs_console.accounting.placement import tax_result
from bcifs_console.accounting.replay import Replayed
from bcifs_console.domain.rules import ACCOUNT_PURPOSES, MappingRule, Purpose, Rules
from bcifs_console.ifs.errors import IfsError
from bcifs_console.ifs.master_data import Found, ListKind, Standing
from bcifs_console.operations.context import Context
from bcifs_console.operations.time_machine import replay_all
from bcifs_console.store import connections, mapping_releases
from bcifs_console.store.mapping_releases import MappingRelease, ReleaseState
from bcifs_console.sync.runtime import Runtime

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LETTERS: Final = {purpose: letter for letter, purpose in CODE_PARTS}
_SALES_PART: Final = "sales_part"


@dataclass(frozen=True, slots=True)
class Target:
    """Something in IFS that the mapping leads to. `rules`: labels of those that do, or where else it comes from."""

    kind: str
    value: str
    standing: Standing
    rules: tuple[str, ...]
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Unmapped:
    """What stored orders have that no rule covers."""

    subject: str
    message: str
    remedy: str
    orders: int
    example: int  #: one of them


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that was found out."""

    connection: str
    targets: tuple[Target, ...]
    findings: tuple[Finding, ...]
    unmapped: tuple[Unmapped, ...]
    orders: int  #: how many stored orders were looked at
    release: MappingRelease | None  #: one that has not ended

    @property
    def is_good(self) -> bool:
        """Whether nothing needs a person. What IFS does not say is no fault."""
        bad = {Standing.MISSING, Standing.CLOSED}
        is_stopped = self.release is not None and self.release.state is ReleaseState.STOPPED
        return not (self.findings or self.unmapped or is_stopped or any(t.standing in bad for t in self.targets))


async def check(context: Context, connection: str | None) -> Checked:
    """Check the rules in force against IFS today and against every stored order.

    Raises the errors of the IFS client but for lists that cannot be read: those make their values unknown.
    """
    connection_id = context.connection_id(connection)
    database = context.store.database
    seen = await asyncio.to_thread(database.read_sync, lambda conn: _seen(conn, connection_id))
    name, release = await database.read(
        lambda conn: (connections.all_names(conn)[connection_id], mapping_releases.find(conn, connection_id))
    )
    runtime = context.runtime(connection_id)
    try:
        targets = await _Asking(runtime).targets(dict(sorted(seen.parts.items())))
    finally:
        await runtime.aclose()
    return Checked(
        connection=name,
        targets=targets,
        findings=findings(runtime.rules),
        unmapped=seen.unmapped,
        orders=seen.orders,
        release=release,
    )


async def standings(context: Context, connection: str | None, wanted: Rules) -> tuple[Target, ...]:
    """Check what `wanted` leads to against IFS today, orders left aside; labels are those of `wanted`."""
    runtime = context.runtime(context.connection_id(connection))
    runtime.rules = wanted
    try:
        return await _Asking(runtime).targets({})
    finally:
        await runtime.aclose()


# -- IFS -------------------------------------------------------------------------------------------------------------


class _Asking:
    """Asks IFS about every target, list by list."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ifs = runtime.ifs
        self._day: date = runtime.clock.now().astimezone(ZoneInfo(runtime.policy.time_zone)).date()

    async def targets(self, parts: dict[str, int]) -> tuple[Target, ...]:
        """Every target. `parts`: sales parts that SKUs name by themselves, with the number of orders they stand in."""
        rules = self._runtime.rules
        found = await self._list(ListKind.SITE, {self._runtime.policy.contract: ("connection ifs.site",)})
        found += await self._list(ListKind.ACCOUNT, _results(rules, ACCOUNT_PURPOSES))
        for purpose, letter in _LETTERS.items():
            found += await self._list(ListKind.CODE_PART, _results(rules, {purpose}), letter)
        found += await self._list(ListKind.TAX_CODE, _tax_codes(rules))
        found += await self._list(ListKind.CHARGE_TYPE, _charge_types(rules))
        found += await self._list(ListKind.PAY_TERM, _results(rules, {Purpose.PAY_TERM}))
        found += await self._list(ListKind.SHIP_VIA, _results(rules, {Purpose.SHIP_VIA}))
        found += await self._customers(_results(rules, {Purpose.CUSTOMER}))
        return (*found, *await self._sales_parts(parts))

    async def _list(self, kind: ListKind, wanted: dict[str, tuple[str, ...]], letter: str = "") -> list[Target]:
        if not wanted:
            return []
        try:
            answers = await self._ifs.master_data(kind, wanted, self._day, letter)
        except IfsError as error:
            answers = dict.fromkeys(wanted, Found(Standing.UNKNOWN, error.message))
        name = f"{kind.value}_{letter.lower()}" if letter else kind.value
        return [_target(name, value, answers[value], named) for value, named in wanted.items()]

    async def _customers(self, wanted: dict[str, tuple[str, ...]]) -> list[Target]:
        targets = []
        for customer_id, named in wanted.items():
            try:
                known = await self._ifs.customer(customer_id) is not None
                found = Found(Standing.OK) if known else Found(Standing.MISSING, "IFS has none such")
            except IfsError as error:
                found = Found(Standing.UNKNOWN, error.message)
            targets.append(_target("customer", customer_id, found, named))
        return targets

    async def _sales_parts(self, parts: dict[str, int]) -> list[Target]:
        site = self._runtime.policy.contract
        wanted = _results(self._runtime.rules, {Purpose.SALES_PART})
        for part, orders in parts.items():
            wanted[part] = (*wanted.get(part, ()), f"the SKU itself, in {orders} order{'' if orders == 1 else 's'}")
        try:
            known = await self._ifs.sales_parts(site, sorted(wanted)) if wanted else set()
        except IfsError as error:
            return [
                _target(_SALES_PART, part, Found(Standing.UNKNOWN, error.message), named)
                for part, named in wanted.items()
            ]
        answers = {
            part: Found(Standing.OK) if part in known else Found(Standing.MISSING, f"site {site} has none such")
            for part in wanted
        }
        return [_target(_SALES_PART, part, answers[part], named) for part, named in wanted.items()]


def _target(kind: str, value: str, found: Found, named: tuple[str, ...]) -> Target:
    return Target(kind, value, found.standing, named, found.detail, _remedy(kind, value, found.standing))


def _remedy(kind: str, value: str, standing: Standing) -> str:
    what = f"{kind.replace('_', ' ')} {value}"
    match standing:
        case Standing.MISSING:
            return f"Make {what} in IFS, or change the rule: bcifs mapping export FILE, then bcifs mapping import FILE."
        case Standing.CLOSED:
            return f"Open {what} in IFS, or change the rule: bcifs mapping export FILE, then bcifs mapping import FILE."
        case Standing.UNKNOWN:
            return f"Look {what} up in IFS; to have it checked, correct [master_data] in the IFS profile."
        case Standing.OK:
            return ""


def _results(rules: Rules, purposes: Collection[Purpose]) -> dict[str, tuple[str, ...]]:
    return _by_value((rule.result, rule) for rule in rules.rules if rule.purpose in purposes)


def _tax_codes(rules: Rules) -> dict[str, tuple[str, ...]]:
    read = ((tax_result(rule.result), rule) for rule in rules.of(Purpose.TAX))
    return _by_value((found[0].code, rule) for found, rule in read if found is not None and found[0].code)


def _charge_types(rules: Rules) -> dict[str, tuple[str, ...]]:
    """Charge types, those that carry tax included."""
    read = ((tax_result(rule.result), rule) for rule in rules.of(Purpose.TAX))
    of_taxes = [(found[1], rule) for found, rule in read if found is not None and found[1]]
    own = [(rule.result, rule) for rule in rules.of(Purpose.CHARGE_TYPE)]
    return _by_value([*own, *of_taxes])


def _by_value(pairs: Iterable[tuple[str, MappingRule]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for value, rule in pairs:
        if value:
            found[value] = (*found.get(value, ()), rule.label)
    return dict(sorted(found.items()))


# -- real orders -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Seen:
    """What the stored orders come to under the rules, added up order by order: they need not all be in memory."""

    orders: int = 0
    parts: Counter[str] = field(default_factory=Counter)  #: sales parts that lines lead to → orders
    _by_subject: dict[str, Unmapped] = field(default_factory=dict)

    def add(self, found: Replayed) -> None:
        self.orders += 1
        self.parts.update({line.catalog_no for draft in found.documents for line in draft.lines})
        for blocker in {blocker.subject: blocker for blocker in found.unmapped}.values():
            fresh = Unmapped(blocker.subject, blocker.message, blocker.remedy, 0, found.order_id)
            known = self._by_subject.get(blocker.subject, fresh)
            self._by_subject[blocker.subject] = replace(
                known, orders=known.orders + 1, example=min(known.example, found.order_id)
            )

    @property
    def unmapped(self) -> tuple[Unmapped, ...]:
        """What no rule covers, most orders first."""
        return tuple(sorted(self._by_subject.values(), key=lambda row: (-row.orders, row.subject)))


def _seen(conn: Connection, connection_id: int) -> _Seen:
    seen = _Seen()
    for page in replay_all(conn, connection_id, _EVER):
        for found in page:
            seen.add(found)
    return seen
