"""What may stand in a profile where a name of IFS is wanted. No names themselves: those are in the profile's tables."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import ConfigDict, StringConstraints

#: A value sent as it stands. Decimal, not float, for fractions.
Scalar = bool | int | Decimal | str
Defaults = Mapping[str, Scalar]

_NAME_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
#: A name in IFS's metadata; `OptionalName` may be empty, which leaves the thing out.
Name = Annotated[str, StringConstraints(pattern=_NAME_PATTERN)]
OptionalName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
#: `Projection.svc/Set`.
SetPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.svc/[A-Za-z_][A-Za-z0-9_]*$")]
OptionalSetPath = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*\.svc/[A-Za-z_][A-Za-z0-9_]*)?$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^(/[^\s?#]*)?$")]
#: Makes the property of a code part: `Code{part}` → CodeB.
CodePartPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]*\{part\}[A-Za-z_]*$")]

#: Every table of the profile: an unknown key is a mistake.
STRICT: Final = ConfigDict(extra="forbid", str_strip_whitespace=True)


def split_path(path: str) -> tuple[str, str]:
    """Projection and set of a `SetPath`."""
    projection, _, found = path.partition(".svc/")
    return projection, found
