"""Reading a connection file (DESIGN §12): checked as a whole, every mistake named with its place and the way out."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import DEFAULT_API_URL
from bcifs_console.domain.rules import (
    IMPORT_STATUSES,
    RELEASE_STATUSES,
    Allocation,
    Condition,
    ConditionField,
    MappingRule,
    Policy,
    Purpose,
    RevenuePosting,
    Unmatched,
)
from bcifs_console.store.connections import (
    BC_ACCESS_TOKEN,
    BC_CLIENT_SECRET,
    IFS_CLIENT_SECRET,
    ConnectionSettings,
)

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
Text = Annotated[str, Field(min_length=1)]


class _BigCommerce(BaseModel):
    model_config = _STRICT
    store_hash: Text
    client_id: Text
    client_secret: Text
    access_token: Text
    public_url: Text
    api_url: Text = DEFAULT_API_URL
    signature_schemes: tuple[Literal["standard_webhooks", "x_bc_signature"], ...] = (
        "standard_webhooks",
        "x_bc_signature",
    )
    timestamp_tolerance_s: int = Field(default=300, ge=1, le=3600)


class _Ifs(BaseModel):
    model_config = _STRICT
    base_url: Text
    realm: Text
    client_id: Text
    client_secret: Text
    company: Text
    site: Text
    profile: Text = "default"
    ca_file: str = ""


class _Policy(BaseModel):
    model_config = _STRICT
    unmatched_customer: str = Field(default="ask", pattern=r"^(ask|skip|create|fixed:.+)$")
    guest_customer: str = ""
    revenue_posting: RevenuePosting
    order_type_never_invoices: bool = False
    start_at: datetime | date | None = None
    time_zone: str = ""
    release_orders: bool = True
    release_shipped: bool = False
    import_statuses: frozenset[int] = IMPORT_STATUSES
    release_statuses: frozenset[int] = RELEASE_STATUSES
    order_reference: str = Field(default="BC-{order_id}", pattern=r"^[^{}]*\{order_id\}[^{}]*$", max_length=40)
    customer_id_pattern: str = Field(default="BC{n}", pattern=r"^[A-Z0-9_-]*\{n\}[A-Z0-9_-]*$", max_length=16)
    allocation: Allocation = Allocation.PRE_POSTING
    minor_units: dict[str, int] = Field(default_factory=dict)


class _Rule(BaseModel):
    model_config = _STRICT
    purpose: Purpose
    when: dict[ConditionField, str | list[str] | bool | int] = Field(default_factory=dict)
    result: Text


class _Mapping(BaseModel):
    model_config = _STRICT
    revenue_account: str = ""
    file: str = ""
    rules: list[_Rule] = Field(default_factory=list)


class _File(BaseModel):
    model_config = _STRICT
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    bigcommerce: _BigCommerce
    ifs: _Ifs
    policy: _Policy
    mapping: _Mapping = Field(default_factory=_Mapping)


@dataclass(frozen=True, slots=True)
class ConnectionFile:
    """A checked connection file. `time_zone` of its policy is empty where the store's is to be used.

    Then `local_start` is a start_at that was given without a zone; the policy's is only right once that zone is known.
    """

    name: str
    settings: ConnectionSettings
    secrets: Mapping[str, Secret]
    rules: tuple[MappingRule, ...]
    local_start: datetime | None = None


def read_connection_file(path: Path, *, now: datetime, environment: Mapping[str, str] | None = None) -> ConnectionFile:
    """Read and check `path`. Raises UsageProblem naming what is wrong and where."""
    data = _toml(path)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise UsageProblem(_complaint(path, error), remedy="See config/connection.example.toml.") from None
    _check_urls(file)
    mapping = _mapping(file.mapping, path)
    environ = os.environ if environment is None else environment
    secrets = {
        BC_CLIENT_SECRET: resolve_secret(file.bigcommerce.client_secret, path.parent, environ),
        BC_ACCESS_TOKEN: resolve_secret(file.bigcommerce.access_token, path.parent, environ),
        IFS_CLIENT_SECRET: resolve_secret(file.ifs.client_secret, path.parent, environ),
    }
    settings = ConnectionSettings(
        bigcommerce=file.bigcommerce.model_dump(mode="json", exclude={"client_secret", "access_token"}),
        ifs=file.ifs.model_dump(mode="json", exclude={"client_secret"}),
        policy=_policy(file, now),
    )
    return ConnectionFile(file.name, settings, secrets, mapping, _local_start(file.policy))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{path} is not TOML: {error}.", remedy="Correct the named line.") from None


def _complaint(path: Path, error: ValidationError) -> str:
    """Every mistake of the file, one a line; never the value, which may be a secret."""
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        message = {"missing": "is missing", "extra_forbidden": "is not known"}.get(item["type"], item["msg"])
        if where == "policy.revenue_posting" and item["type"] == "missing":
            message = 'must be chosen: "voucher" or "ifs_invoice" (it decides who books the revenue)'
        lines.append(f"{where}: {message}")
    return f"{path}: " + "; ".join(lines)


def _check_urls(file: _File) -> None:
    for name, url in (
        ("bigcommerce.api_url", file.bigcommerce.api_url),
        ("bigcommerce.public_url", file.bigcommerce.public_url),
        ("ifs.base_url", file.ifs.base_url),
    ):
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            continue
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            continue
        raise UsageProblem(f"{name}: {url!r} is not an https address.", remedy="http is accepted for loopback only.")
    policy = file.policy
    if policy.revenue_posting is RevenuePosting.VOUCHER and not policy.order_type_never_invoices:
        raise UsageProblem(
            'policy.revenue_posting = "voucher" needs an IFS order type that is never invoiced.',
            remedy="Make sure of it in IFS (else revenue is booked twice), then set order_type_never_invoices = true.",
        )


def _policy(file: _File, now: datetime) -> Policy:
    given = file.policy
    kind, _, fixed = given.unmatched_customer.partition(":")
    zone = _zone(given.time_zone) if given.time_zone else None
    return Policy(
        start_at=_start(given.start_at, zone, now),
        revenue_posting=given.revenue_posting,
        unmatched=Unmatched(kind),
        fixed_customer=fixed.strip(),
        guest_customer=given.guest_customer.strip(),
        order_type_never_invoices=given.order_type_never_invoices,
        time_zone=given.time_zone,
        release_orders=given.release_orders,
        release_shipped=given.release_shipped,
        import_statuses=given.import_statuses,
        release_statuses=given.release_statuses,
        order_reference=given.order_reference,
        customer_id_pattern=given.customer_id_pattern,
        allocation=given.allocation,
        minor_units=given.minor_units,
        contract=file.ifs.site,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageProblem(
            f"policy.time_zone: {name!r} is no time zone.", remedy="Use a name such as America/Chicago."
        ) from None


def _start(given: datetime | date | None, zone: ZoneInfo | None, now: datetime) -> datetime:
    """Go-live: a date is its midnight in the connection's zone; without one it is now."""
    if given is None:
        return now.replace(microsecond=0)
    moment = _moment(given)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC)).astimezone(UTC)


def _local_start(given: _Policy) -> datetime | None:
    """A start_at that waits for the store's zone."""
    if given.start_at is None or given.time_zone:
        return None
    moment = _moment(given.start_at)
    return None if moment.tzinfo else moment


def _moment(given: datetime | date) -> datetime:
    return given if isinstance(given, datetime) else datetime.combine(given, time.min)


def resolve_secret(text: str, folder: Path, environment: Mapping[str, str]) -> Secret:
    """A secret given as `env:NAME`, `file:PATH` (relative to the file that names it) or itself."""
    kind, _, name = text.partition(":")
    if kind == "env":
        value = environment.get(name)
        if not value:
            raise UsageProblem(f"The environment has no {name}.", remedy=f"Set {name} and run the command again.")
        return Secret(value)
    if kind == "file":
        path = folder / Path(name).expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageProblem(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from None
        if not value:
            raise UsageProblem(f"{path} is empty.", remedy="Put the secret into it.")
        return Secret(value)
    return Secret(text)


def _mapping(given: _Mapping, path: Path) -> tuple[MappingRule, ...]:
    """The file's rules, in its order, then `revenue_account` for what is left, then the shipped rules of purposes
    the file says nothing about."""
    if given.file:
        other = path.parent / given.file
        try:
            inner = _Mapping.model_validate(_toml(other))
        except ValidationError as error:
            raise UsageProblem(_complaint(other, error), remedy="See config/mapping.example.toml.") from None
        given = _Mapping(
            revenue_account=given.revenue_account or inner.revenue_account, rules=given.rules + inner.rules
        )
    rules = [_rule(rule, position) for position, rule in enumerate(given.rules, 1)]
    if given.revenue_account:
        rules.append(MappingRule(Purpose.REVENUE, len(rules) + 1, given.revenue_account))
    named = {rule.purpose for rule in rules}
    return (*rules, *(rule for rule in default_rules() if rule.purpose not in named))


def _rule(given: _Rule, position: int) -> MappingRule:
    conditions = tuple(Condition(field, _patterns(value)) for field, value in given.when.items())
    return MappingRule(given.purpose, position, given.result, conditions)


def _patterns(value: str | list[str] | bool | int) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(value)
    return (str(value).lower() if isinstance(value, bool) else str(value),)
