"""Reading a connection file (DESIGN §12): checked as a whole, every mistake named with its place and the way out."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bcifs_console.base.hosts import is_loopback
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import DEFAULT_API_URL, DeliveryExceptions, HookStyle
from bcifs_console.domain.rules import (
    ACCOUNT_PURPOSES,
    CASH_PURPOSES,
    IMPORT_STATUSES,
    RELEASE_STATUSES,
    Allocation,
    ClosedPeriod,
    MappingRule,
    Policy,
    Purpose,
    RevenuePosting,
    TaxPoint,
    Unmatched,
    VoucherTransport,
)
from bcifs_console.operations.mapping_file import MappingTable, rules_of
from bcifs_console.operations.toml_file import complaint, mistakes, read_toml
from bcifs_console.store.connections import (
    BC_ACCESS_TOKEN,
    BC_CLIENT_SECRET,
    IFS_CLIENT_SECRET,
    ConnectionSettings,
)

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
    hooks: HookStyle = "concrete"
    delivery_exceptions: DeliveryExceptions = "auto"


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
    voucher_transport: VoucherTransport = VoucherTransport.OFF


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
    post_from: datetime | date | None = None
    tax_point: TaxPoint = TaxPoint.SHIPMENT
    closed_period: ClosedPeriod = ClosedPeriod.WAIT
    count_test_tenders: bool = False


class _File(BaseModel):
    model_config = _STRICT
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    bigcommerce: _BigCommerce
    ifs: _Ifs
    policy: _Policy
    mapping: MappingTable = Field(default_factory=MappingTable)


@dataclass(frozen=True, slots=True)
class ConnectionFile:
    """A checked connection file. `time_zone` of its policy is empty where the store's is to be used.

    Then `local_start` and `local_post_from` are the policy's start_at and post_from where they were given without a
    zone; the policy's are only right once that zone is known.
    """

    name: str
    settings: ConnectionSettings
    secrets: Mapping[str, Secret]
    rules: tuple[MappingRule, ...]
    local_start: datetime | None = None
    local_post_from: datetime | None = None


def read_connection_file(path: Path, *, now: datetime, environment: Mapping[str, str] | None = None) -> ConnectionFile:
    """Read and check `path`. Raises UsageProblem naming what is wrong and where."""
    return connection_of(read_toml(path), path, now=now, environment=environment)


def connection_of(
    data: Mapping[str, Any], path: Path, *, now: datetime, environment: Mapping[str, str] | None = None
) -> ConnectionFile:
    """Check the tables of a connection file. `path` is where they stand: files that they name are looked for beside it.

    Raises UsageProblem as `read_connection_file`.
    """
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise UsageProblem(complaint(path, error), remedy="See config/connection.example.toml.") from None
    _check_urls(file)
    _check_policy(file.policy)
    mapping = rules_of(file.mapping, path)
    environ = os.environ if environment is None else environment
    secrets = {
        BC_CLIENT_SECRET: resolve_secret(file.bigcommerce.client_secret, path.parent, environ),
        BC_ACCESS_TOKEN: resolve_secret(file.bigcommerce.access_token, path.parent, environ),
        IFS_CLIENT_SECRET: resolve_secret(file.ifs.client_secret, path.parent, environ),
    }
    settings = ConnectionSettings(
        bigcommerce=file.bigcommerce.model_dump(mode="json", exclude={"client_secret", "access_token"}),
        ifs=file.ifs.model_dump(mode="json", exclude={"client_secret", "voucher_transport"}),
        policy=_policy(file, now),
    )
    check_vouchers(settings.policy, {rule.purpose for rule in mapping})
    return ConnectionFile(
        file.name,
        settings,
        secrets,
        mapping,
        _local(file.policy.start_at, file.policy.time_zone),
        _local(file.policy.post_from, file.policy.time_zone),
    )


def faults_of(data: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with single values of a connection file, by place (`ifs.base_url`); secrets are not resolved.

    What is wrong with values only together is left to `connection_of`.
    """
    try:
        _File.model_validate(data)
    except ValidationError as error:
        found = {".".join(str(part) for part in place): message for place, message in mistakes(error)}
    else:
        found = {}
    for place in _URLS:
        table, _, key = place.partition(".")
        url = data.get(table, {}).get(key)
        if place not in found and isinstance(url, str) and not _is_safe(url):
            found[place] = "is not an https address; http is accepted for loopback only"
    return found


_URLS: Final = ("bigcommerce.api_url", "bigcommerce.public_url", "ifs.base_url")


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:  # an IPv6 address that is not closed
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _check_urls(file: _File) -> None:
    addresses = (file.bigcommerce.api_url, file.bigcommerce.public_url, file.ifs.base_url)
    for place, url in zip(_URLS, addresses, strict=True):
        if not _is_safe(url):
            raise UsageProblem(
                f"{place}: {url!r} is not an https address.", remedy="http is accepted for loopback only."
            )


def _check_policy(policy: _Policy) -> None:
    if policy.revenue_posting is RevenuePosting.VOUCHER and not policy.order_type_never_invoices:
        raise UsageProblem(
            'policy.revenue_posting = "voucher" needs an IFS order type that is never invoiced.',
            remedy="Make sure of it in IFS (else revenue is booked twice), then set order_type_never_invoices = true.",
        )


def check_vouchers(policy: Policy, mapped: Collection[Purpose]) -> None:
    """Refuse choices about vouchers that do not go together. `mapped`: purposes that have a rule."""
    if policy.tax_point is TaxPoint.PAYMENT and policy.revenue_posting is RevenuePosting.IFS_INVOICE:
        raise UsageProblem(
            'policy.tax_point = "payment" and revenue_posting = "ifs_invoice" exclude each other: with IFS invoices '
            "vouchers book no tax.",
            remedy="Leave tax_point out; when tax is due is then settled in IFS.",
        )
    if not policy.makes_vouchers:
        return
    needed = [Purpose.CUSTOMER_BALANCE]
    if policy.tax_point is TaxPoint.PAYMENT:
        needed.append(Purpose.TAX_ON_PREPAYMENTS)
    missing = [purpose.value for purpose in needed if purpose not in mapped]
    if missing:
        raise UsageProblem(
            f'ifs.voucher_transport = "{policy.voucher_transport.value}" needs an account for {" and ".join(missing)}.',
            remedy="Name it under [mapping.accounts]; see config/connection.example.toml.",
        )


def account_notes(policy: Policy, mapped: Collection[Purpose]) -> tuple[str, ...]:
    """A note naming the purposes that vouchers may need an account for and that have no rule; none where all have."""
    if not policy.makes_vouchers:
        return ()
    needed = ACCOUNT_PURPOSES if policy.revenue_posting is RevenuePosting.VOUCHER else CASH_PURPOSES
    if policy.tax_point is TaxPoint.SHIPMENT:
        needed -= {Purpose.TAX_ON_PREPAYMENTS}
    without = [purpose.value for purpose in Purpose if purpose in needed and purpose not in mapped]
    return (f"No account for {', '.join(without)}: an order that needs one waits.",) if without else ()


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
        voucher_transport=file.ifs.voucher_transport,
        post_from=None if given.post_from is None else _start(given.post_from, zone, now),
        tax_point=given.tax_point,
        closed_period=given.closed_period,
        count_test_tenders=given.count_test_tenders,
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


def _local(given: datetime | date | None, time_zone: str) -> datetime | None:
    """A time without a zone, where it waits for the store's."""
    if given is None or time_zone:
        return None
    moment = _moment(given)
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
