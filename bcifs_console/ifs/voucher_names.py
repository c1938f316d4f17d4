"""The `[voucher]` tables of the profile: what vouchers, rates and periods are called in IFS, as frozen data.

Only the names of a voucher's rows are recorded (facts §6); all else is unverified and stands here to be corrected.
The transport itself is the connection's choice (`Policy.voucher_transport`).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from bcifs_console.ifs.naming import (
    STRICT,
    CodePartPattern,
    Defaults,
    Name,
    OptionalName,
    OptionalSetPath,
    SetPath,
)

Length = Annotated[int, Field(ge=10, le=4000)]


@dataclass(frozen=True, slots=True)
class VoucherHeaderNames:
    """Properties of the header. The first four are its key."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    company: Name
    voucher_type: Name
    year: Name
    number: Name
    date: Name
    text: Name
    user_group: OptionalName
    currency: OptionalName
    state: Name


@dataclass(frozen=True, slots=True)
class VoucherRowNames:
    """Properties of a row. `currency_*` is the transaction's currency, the plain ones the company's.

    `amount` and `currency_amount` are signed, debit positive; they are read where neither side is given.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    company: Name
    voucher_type: Name
    year: Name
    number: Name
    row_no: Name
    date: Name
    account: Name
    code_part: CodePartPattern
    currency: Name
    currency_debit: Name
    currency_credit: Name
    currency_amount: OptionalName
    debit: Name
    credit: Name
    amount: OptionalName
    rate: OptionalName
    factor: OptionalName
    tax_code: OptionalName
    text: Name
    reference: Name
    automatic_tax: OptionalName

    def code_part_property(self, part: str) -> str:
        """The property of code part `part`, a letter from B to J."""
        return self.code_part.format(part=part)


@dataclass(frozen=True, slots=True)
class LookupSource:
    """A set that may show a voucher, and which of its properties carries the voucher's key."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: SetPath
    key: Name


@dataclass(frozen=True, slots=True)
class RateNames:
    """Where currency rates stand. `type_value` chooses one rate type, where the company has several."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: OptionalSetPath
    company: Name
    currency: Name
    rate: Name
    factor: OptionalName
    valid_from: Name
    type: OptionalName
    type_value: str
    accounting_currency_property: OptionalName
    accounting_currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")]


@dataclass(frozen=True, slots=True)
class PeriodNames:
    """Where accounting periods stand. Without `first_day` and `last_day` they are the months of the calendar."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: OptionalSetPath
    company: Name
    year: Name
    period: Name
    status: Name
    open_statuses: tuple[str, ...]
    first_day: OptionalName
    last_day: OptionalName
    user_group: OptionalName

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.first_day) != bool(self.last_day):
            raise ValueError("name both first_day and last_day, or neither")
        return self

    @property
    def are_months(self) -> bool:
        """Whether a period's number is the month it covers."""
        return not self.first_day


#: What a column of the external voucher file may carry; "" is a column left empty.
COLUMNS = frozenset(
    {"", "number", "year", "date", "voucher_type", "user_group", "company", "account", "currency", "currency_amount"}
    | {"amount", "rate", "factor", "tax_code", "text", "reference", "B", "C", "D", "E", "F", "G", "H", "I", "J"}
)
_NEEDED = frozenset({"number", "date", "account", "currency", "currency_amount", "text"})


@dataclass(frozen=True, slots=True)
class ExternalFileNames:
    """The text file of external vouchers (facts §6). `text` is made of {key} and {text}."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    columns: tuple[str, ...]
    separator: Annotated[str, StringConstraints(pattern=r"^[;,|\t~^]$")]
    decimal_mark: Annotated[str, StringConstraints(pattern=r"^[.,]$")]
    date_format: Annotated[str, StringConstraints(pattern=r"^(%[YmdyH]|[-./ ])+$")]
    text: Annotated[str, StringConstraints(pattern=r"^[^{}]*\{(key|text)\}[^{}]*(\{(key|text)\}[^{}]*)?$")]
    encoding: str
    line_end: Annotated[str, StringConstraints(pattern=r"^\r?\n$")]

    @model_validator(mode="after")
    def _usable(self) -> Self:
        unknown = sorted(set(self.columns) - COLUMNS)
        if unknown:
            raise ValueError(f"columns knows no {', '.join(unknown)}")
        missing = sorted(_NEEDED - set(self.columns))
        if missing:
            raise ValueError(f"columns lacks {', '.join(missing)}")
        if "reference" not in self.columns and "{key}" not in self.text:
            raise ValueError("the voucher's key must stand in the text or in a column reference")
        if self.separator == self.decimal_mark:
            raise ValueError("separator and decimal_mark are the same")
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"{self.encoding} is no text encoding") from error
        return self


@dataclass(frozen=True, slots=True)
class VoucherNames:
    """GL vouchers: header, rows, confirmation, look-up, and what belongs to them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    projection: Name
    set: Name
    rows: Name
    confirm_action: OptionalName
    confirmed_states: tuple[str, ...]
    cancelled_states: tuple[str, ...]
    analysis: SetPath
    lookup_sources: Annotated[tuple[LookupSource, ...], Field(min_length=1)]
    voucher_type: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,10}$")]
    user_group: str
    send_tax_code: bool
    text_length: Length
    reference_length: Length
    header: VoucherHeaderNames
    header_defaults: Defaults
    row: VoucherRowNames
    row_defaults: Defaults
    rate: RateNames
    period: PeriodNames
    external_file: ExternalFileNames

    @property
    def path(self) -> str:
        """The set of headers as a `SetPath`."""
        return f"{self.projection}.svc/{self.set}"
