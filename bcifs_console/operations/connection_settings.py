"""Changing a choice of a connection that exists: `connection set` for everything that is no secret."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from bcifs_console.base.clock import iso
from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import ClosedPeriod, Policy, TaxPoint, VoucherTransport
from bcifs_console.operations.connection_file import account_notes, check_vouchers
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, journal, rules
from bcifs_console.store.database import Tx

VOUCHER_TRANSPORT: Final = "ifs.voucher_transport"
POST_FROM: Final = "policy.post_from"


def _truth(text: str, _policy: Policy) -> bool:
    if text.casefold() not in ("true", "false"):
        raise ValueError("true or false")
    return text.casefold() == "true"


def _choice(kind: type[VoucherTransport | TaxPoint | ClosedPeriod]) -> Callable[[str, Policy], object]:
    def read(text: str, _policy: Policy) -> object:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(", ".join(member.value for member in kind)) from None

    return read


def _moment(text: str, policy: Policy) -> datetime:
    """A date is its midnight in the connection's zone, as is a time without a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date or time such as 2026-12-01") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(policy.time_zone))).astimezone(UTC)


#: What can be set, as it stands in the connection file: the policy's field, and how its text is read.
SETTABLE: Final[Mapping[str, tuple[str, Callable[[str, Policy], object]]]] = MappingProxyType(
    {
        VOUCHER_TRANSPORT: ("voucher_transport", _choice(VoucherTransport)),
        POST_FROM: ("post_from", _moment),
        "policy.tax_point": ("tax_point", _choice(TaxPoint)),
        "policy.closed_period": ("closed_period", _choice(ClosedPeriod)),
        "policy.count_test_tenders": ("count_test_tenders", _truth),
    }
)


def set_value(
    context: Context, name: str | None, key: str, value: str, *, post_from: str | None = None
) -> tuple[str, ...]:
    """Change one choice; returns notes for the person. A running service takes it over within a second.

    Raises UsageProblem where there is no such key, the value is none of its own, or it does not go with the others. To
    switch the vouchers on asks for a `post_from`: facts before it were booked some other way, or never (ACCOUNTING §1).
    """
    if key not in SETTABLE:
        known = ", ".join((*connections.REQUIRED_SECRETS, *SETTABLE))
        raise UsageProblem(f"{key!r} cannot be set.", remedy=f"Known: {known}.")
    if post_from is not None and key != VOUCHER_TRANSPORT:
        raise UsageProblem(
            f"--post-from goes with {VOUCHER_TRANSPORT}.", remedy=f"bcifs connection set NAME {POST_FROM} DATE"
        )
    connection_id = context.connection_id(name)

    def write(tx: Tx) -> tuple[str, ...]:
        settings = connections.settings_of(tx.conn, connection_id)
        policy = _changed(settings.policy, key, value)
        if post_from is not None:
            policy = _changed(policy, POST_FROM, post_from)
        elif policy.makes_vouchers and not settings.policy.makes_vouchers:
            raise UsageProblem(
                "Vouchers are switched on: say from when on payments, shipments and refunds are to be posted.",
                remedy=f"bcifs connection set NAME {VOUCHER_TRANSPORT} {value} --post-from DATE; what happened before "
                "that day is shown and never posted.",
            )
        mapped = {rule.purpose for rule in rules.in_force(tx.conn, connection_id).rules}
        check_vouchers(policy, mapped)
        connections.save(tx, connection_id, replace(settings, policy=policy))
        changes = _differences(settings.policy, policy)
        journal.write(
            tx, "connection.set", actor=context.actor, connection_id=connection_id, subject=key, changes=changes
        )
        return account_notes(policy, mapped)

    return context.store.database.write_sync(write)


def _changed(policy: Policy, key: str, value: str) -> Policy:
    field, read = SETTABLE[key]
    try:
        found: Any = read(value.strip(), policy)
    except ValueError as known:
        raise UsageProblem(f"{key} = {value!r} is not possible.", remedy=f"Give {known}.") from None
    return replace(policy, **{field: found})


def _differences(before: Policy, after: Policy) -> dict[str, list[object]]:
    """Field → what it was and is, for the journal."""
    fields = {field for field, _ in SETTABLE.values()}
    pairs = {field: (getattr(before, field), getattr(after, field)) for field in sorted(fields)}
    return {field: [_plain(old), _plain(new)] for field, (old, new) in pairs.items() if old != new}


def _plain(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value
