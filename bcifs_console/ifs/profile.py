"""`Profile`: what differs between IFS installations, as frozen data (facts §9). Names and defaults only, no calls.

The shipped `profiles/default.toml` is complete; a site's own file needs only what differs and is laid over it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.ifs.master_names import MasterNames
from bcifs_console.ifs.naming import (
    STRICT,
    CodePartPattern,
    Defaults,
    Name,
    OptionalName,
    SetPath,
    UrlPath,
    split_path,
)
from bcifs_console.ifs.voucher_names import VoucherNames


class IfMatch(StrEnum):
    """What stands in If-Match on bound actions and changes."""

    REQUIRED = "required"  #: a known ETag, or the call is not made
    OPTIONAL = "optional"  #: an ETag where one is known
    STAR = "star"  #: always `*`


class LookupKind(StrEnum):
    ENTITY_SET = "entity_set"
    CUSTOM_FIELD = "custom_field"
    QUICK_REPORT = "quick_report"  #: a report of the site, asked with the e-mail as a parameter
    DIRECTORY = "directory"  #: our own index, filled by a crawl in the background
    NONE = "none"


class DeliveryAddressMode(StrEnum):
    SINGLE_OCCURRENCE = "single_occurrence"  #: an address of the order's own
    CUSTOMER = "customer"  #: the customer's address


@dataclass(frozen=True, slots=True)
class OrderNames:
    """The customer order header, how it is read back, its actions."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    projection: Name
    set: Name
    read_projection: Name
    read_set: Name
    reference: Name
    note: OptionalName
    address_id: str
    wanted_delivery_days: Annotated[int, Field(ge=0, le=365)]
    cancelled_states: tuple[str, ...]
    release_action: OptionalName
    cancel_action: OptionalName
    cancel_reason_parameter: OptionalName
    cancel_reason: str
    entered_on: Name
    tracking: OptionalName
    tracking_heading: Annotated[str, Field(min_length=1)]
    tracking_length: Annotated[int, Field(ge=100, le=4000)]
    gross: Name
    tax: OptionalName
    net_base: OptionalName
    defaults: Defaults


@dataclass(frozen=True, slots=True)
class LineNames:
    """Order lines. `fetch_tax` takes "TRUE" or "FALSE"; `net` and `gross` are read back."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    navigation: Name
    reference: Name
    quantities: tuple[Name, ...]
    description: OptionalName
    fetch_tax: OptionalName
    net: Name
    gross: Name
    state: OptionalName
    cancel_action: OptionalName
    cancel_reason_parameter: OptionalName
    defaults: Defaults


@dataclass(frozen=True, slots=True)
class ChargeNames:
    """Order charges."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    navigation: Name
    fetch_tax: OptionalName
    net: Name
    gross: Name
    defaults: Defaults


@dataclass(frozen=True, slots=True)
class DeliveryAddressNames:
    """The address an order is delivered to."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    mode: DeliveryAddressMode
    navigation: Name
    name: Name
    address1: Name
    address2: OptionalName
    zip_code: Name
    city: Name
    state: OptionalName
    country: Name


@dataclass(frozen=True, slots=True)
class PrePostingNames:
    """Pre-posting of a line. `code_part` makes the property of a part: Codeno{part} → CodenoB.

    Rows are read from `read_set` where there is one, else through the record that was opened for editing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    virtual_set: Name
    distribution_navigation: Name
    read_set: OptionalName
    account: Name
    code_part: CodePartPattern
    percentage_full: Annotated[Decimal, Field(gt=0)]

    def code_part_property(self, part: str) -> str:
        """The property of code part `part`, a letter from B to J."""
        return self.code_part.format(part=part)


_Seconds = Annotated[int, Field(ge=0, le=31_536_000)]


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a customer is found by e-mail (facts §4). `remember_*_s`: how long an answer counts without asking again."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: LookupKind
    path: SetPath
    email_property: Name
    customer_property: Name
    name_property: OptionalName
    fold_case: bool
    method_property: OptionalName
    method_enum: OptionalName
    method_member: OptionalName
    parameter: OptionalName
    parameters: Defaults
    remember_found_s: _Seconds
    remember_missing_s: _Seconds

    @property
    def projection(self) -> str:
        return split_path(self.path)[0]

    @property
    def set(self) -> str:
        return split_path(self.path)[1]


@dataclass(frozen=True, slots=True)
class Directory:
    """The list of all customers and what each is reached by: crawled for look-ups, searched for candidates."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: SetPath
    customer_property: Name
    name_property: Name
    methods: Name
    method_property: Name
    value_property: Name
    email_members: tuple[str, ...]
    phone_members: tuple[str, ...]
    zip_code: Name
    concurrency: Annotated[int, Field(ge=1, le=32)]
    refresh_hours: Annotated[int, Field(ge=1, le=8760)]
    for_candidates: bool
    search: bool
    search_limit: Annotated[int, Field(ge=1, le=200)]

    @property
    def projection(self) -> str:
        return split_path(self.path)[0]

    @property
    def set(self) -> str:
        return split_path(self.path)[1]


@dataclass(frozen=True, slots=True)
class Creation:
    """How a customer is made. An empty navigation leaves its step out."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    template_id: str
    copy_action: Name
    email_property: OptionalName
    addresses: OptionalName
    address_types: OptionalName
    address_type_codes: tuple[str, ...]
    communication: OptionalName
    email_method: str
    order_info: OptionalName
    invoice_info: OptionalName
    info_defaults: Defaults
    address_defaults: Defaults
    order_info_defaults: Defaults
    invoice_info_defaults: Defaults


@dataclass(frozen=True, slots=True)
class CustomerNames:
    """Customers: where they are, how they are found and made."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    projection: Name
    set: Name
    name: Name
    address_id: str
    lookup: Lookup
    directory: Directory
    creation: Creation

    @property
    def is_crawled(self) -> bool:
        """Whether the directory is kept: for look-ups, or for candidates alone."""
        return self.lookup.kind is LookupKind.DIRECTORY or self.directory.for_candidates


@dataclass(frozen=True, slots=True)
class SalesPartNames:
    """Where sales parts are looked up before an order is sent."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    projection: Name
    set: Name
    key: Name
    site: Name


@dataclass(frozen=True, slots=True)
class Profile:
    """One installation's names, defaults and habits."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    layer: Name
    gateway_prefix: UrlPath
    token_path: UrlPath
    scope: str
    page_size: Annotated[int, Field(ge=1, le=5000)]
    if_match: IfMatch
    tz_aware_header: bool
    layers: Mapping[str, Name]
    order: OrderNames
    line: LineNames
    charge: ChargeNames
    delivery_address: DeliveryAddressNames
    pre_posting: PrePostingNames
    customer: CustomerNames
    sales_part: SalesPartNames
    master_data: MasterNames
    voucher: VoucherNames


def load_profile(name_or_path: str) -> Profile:
    """The shipped profile of that name, or the file at that path laid over the shipped default.

    Raises ConfigurationProblem naming the key: unknown keys, wrong types, names that cannot be names.
    """
    default = _default()
    if name_or_path == "default":
        return _validated(default, "default")
    shipped = _PROFILES.joinpath(f"{name_or_path}.toml")
    path = Path(name_or_path).expanduser()
    is_shipped = path.suffix != ".toml" and shipped.is_file()
    text = shipped.read_text(encoding="utf-8") if is_shipped else _file(path)
    return _validated(_laid_over(default, _parsed(text, name_or_path)), name_or_path)


_PROFILES: Final = resources.files("bcifs_console.ifs").joinpath("profiles")


@cache
def _default() -> Mapping[str, Any]:
    return _parsed(_PROFILES.joinpath("default.toml").read_text(encoding="utf-8"), "default")


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationProblem(
            f"The IFS profile {path} cannot be read: {error}.",
            remedy="Set `profile` to `default` or to the path of a TOML file.",
        ) from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationProblem(f"The IFS profile {name} is no TOML: {error}.") from error


def _laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _laid_over(below, value)
        else:
            merged[name] = value
    return merged


@cache
def _adapter() -> TypeAdapter[Profile]:
    return TypeAdapter(Profile)


def _validated(document: Mapping[str, Any], name: str) -> Profile:
    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        faults = "; ".join(_fault(e["loc"], e["type"], e["msg"]) for e in error.errors())
        raise ConfigurationProblem(
            f"The IFS profile {name} is not valid: {faults}.",
            remedy="Compare it with the shipped default profile: only its keys exist.",
        ) from error


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in location)
    return f"unknown key {where}" if kind == "unexpected_keyword_argument" else f"{where}: {message}"
