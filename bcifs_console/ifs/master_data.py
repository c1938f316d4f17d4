"""Whether IFS has what mapping rules lead to: accounts, code parts, tax codes, charge types, terms, sites. Reads only.

IFS shows a user nothing rather than a refusal where row security hides a company or site (facts §1), so a list that is
empty as a whole says nothing about single values.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from bcifs_console.ifs.errors import BadRequest, NotFound, PermissionDenied
from bcifs_console.ifs.master_names import ListNames
from bcifs_console.ifs.naming import split_path
from bcifs_console.ifs.odata import all_of, any_of, eq
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.records import text
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.wire import Record

_AT_ONCE: Final = 25


class ListKind(StrEnum):
    """The lists that may be asked."""

    SITE = "site"
    ACCOUNT = "account"
    CODE_PART = "code_part"
    TAX_CODE = "tax_code"
    CHARGE_TYPE = "charge_type"
    PAY_TERM = "pay_term"
    SHIP_VIA = "ship_via"


class Standing(StrEnum):
    """What IFS says of a value on a day."""

    OK = "ok"
    MISSING = "missing"
    CLOSED = "closed"  #: it is there and may not be used on that day
    UNKNOWN = "unknown"  #: IFS does not say


@dataclass(frozen=True, slots=True)
class Found:
    """One value with what IFS says of it, and why where that is not simply yes."""

    standing: Standing
    detail: str = ""


class MasterDataLists:
    """The lists of one connection's IFS."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting

    async def find(self, kind: ListKind, values: Collection[str], day: date, letter: str = "") -> Mapping[str, Found]:
        """What IFS says of each of `values` on `day`. `letter`: of which code part.

        A list that cannot be read makes its values unknown; raises the other errors of `ifs.errors`.
        """
        names: ListNames = getattr(self._setting.profile.master_data, kind.value)
        if letter:
            names = names.of_part(letter)
        if not names.path:
            return dict.fromkeys(values, Found(Standing.UNKNOWN, f"the profile names no master_data.{kind}"))
        if not values:
            return {}
        try:
            rows = await self._rows(names, sorted(values))
            if not rows and not await self._any(names):
                where = self._where(names)
                detail = f"IFS shows no {kind.replace('_', ' ')} at all{where}: it may be hidden from the service user"
                return dict.fromkeys(values, Found(Standing.UNKNOWN, detail))
        except (NotFound, PermissionDenied, BadRequest) as error:
            return dict.fromkeys(values, Found(Standing.UNKNOWN, f"{names.path} cannot be read: {error.message}"))
        return {value: _found(rows.get(value, []), names, day) for value in values}

    async def _rows(self, names: ListNames, values: list[str]) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        for start in range(0, len(values), _AT_ONCE):
            wanted = any_of([eq(names.value, value) for value in values[start : start + _AT_ONCE]])
            query = {"$filter": all_of([*self._own(names), f"({wanted})"]), "$orderby": names.value}
            for row in await self._odata.get_all(f"check {names.value}", self._url(names), query):
                found.setdefault(text(row, names.value), []).append(row)
        return found

    async def _any(self, names: ListNames) -> bool:
        query = {"$top": "1"} | ({"$filter": all_of(own)} if (own := self._own(names)) else {})
        page = await self._odata.get(f"check {names.value}", self._url(names), query)
        return bool(page.get("value"))

    def _own(self, names: ListNames) -> list[str]:
        access = self._setting.access
        own = ((names.company, access.company), (names.site, access.site))
        return [eq(name, value) for name, value in own if name]

    def _where(self, names: ListNames) -> str:
        access = self._setting.access
        parts = [f"company {access.company}"] if names.company else []
        parts += [f"site {access.site}"] if names.site else []
        return f" of {' and '.join(parts)}" if parts else ""

    def _url(self, names: ListNames) -> str:
        return self._odata.url(*split_path(names.path))


def _found(rows: list[Record], names: ListNames, day: date) -> Found:
    if not rows:
        return Found(Standing.MISSING, "IFS has none such")
    closed = [reason for row in rows if (reason := _closed(row, names, day))]
    return Found(Standing.CLOSED, closed[0]) if len(closed) == len(rows) else Found(Standing.OK)


def _closed(row: Record, names: ListNames, day: date) -> str:
    """Why the value may not be used on `day`, "" where it may. ISO dates compare as texts, whatever follows the day."""
    first = text(row, names.valid_from)[:10] if names.valid_from else ""
    last = text(row, names.valid_until)[:10] if names.valid_until else ""
    if first and day.isoformat() < first:
        return f"usable from {first} only"
    if last and day.isoformat() > last:
        return f"closed since {last}"
    return ""
