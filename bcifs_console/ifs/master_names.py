"""The `[master_data]` tables of the profile: where IFS lists what mapping rules lead to, as frozen data.

Only `mapping check` reads them, to say before an order needs it what IFS does not have. A table whose path is "" is not
asked: what it would tell is then unknown.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from bcifs_console.ifs.naming import STRICT, OptionalName

_PART: Final = "{part}"
#: `Projection.svc/Set`, and a property; of code parts with {part} for the letter.
_Path = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*\.svc/[A-Za-z_][A-Za-z0-9_]*(\{part\})?[A-Za-z0-9_]*)?$")
]
_Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\{part\})?[A-Za-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class ListNames:
    """One list of values. `company` and `site`, where named, keep the list to the connection's own; the last two are
    the first and the last day a value may be used."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: _Path
    value: _Value
    company: OptionalName
    site: OptionalName
    valid_from: OptionalName
    valid_until: OptionalName

    def of_part(self, letter: str) -> "ListNames":
        """The list of one code part."""
        path, value = self.path.replace(_PART, letter), self.value.replace(_PART, letter)
        return ListNames(path, value, self.company, self.site, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class MasterNames:
    """Every list."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    site: ListNames
    account: ListNames
    code_part: ListNames
    tax_code: ListNames
    charge_type: ListNames
    pay_term: ListNames
    ship_via: ListNames

    @model_validator(mode="after")
    def _only_code_parts_have_letters(self) -> Self:
        for name in ("site", "account", "tax_code", "charge_type", "pay_term", "ship_via"):
            names: ListNames = getattr(self, name)
            if _PART in names.path or _PART in names.value:
                raise ValueError(f"{name} has no {{part}}: only code_part has")
        if self.code_part.path and _PART not in self.code_part.path + self.code_part.value:
            raise ValueError("code_part names no {part}: all letters would be one list")
        return self
