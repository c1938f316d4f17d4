"""Sales parts in IFS: which of some part numbers a site has."""

from collections.abc import Sequence
from typing import Final

from bcifs_console.ifs.odata import any_of, eq
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.records import text
from bcifs_console.ifs.transport import ODataClient

#: Part numbers asked for in one call: with 25 characters each the address stays well under 4 KB.
_AT_ONCE: Final = 25


class SalesParts:
    """The sales parts of one connection's IFS."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._names = setting.profile.sales_part

    async def known(self, contract: str, catalog_nos: Sequence[str]) -> set[str]:
        names = self._names
        found: set[str] = set()
        for start in range(0, len(catalog_nos), _AT_ONCE):
            wanted = any_of([eq(names.key, number) for number in catalog_nos[start : start + _AT_ONCE]])
            rows = await self._odata.get_all(
                "find sales parts",
                self._odata.url(names.projection, names.set),
                {
                    "$filter": f"{eq(names.site, contract)} and ({wanted})",
                    "$select": f"{names.key},{names.site}",
                    "$orderby": names.key,
                },
            )
            found |= {text(row, names.key) for row in rows}
        return found

    async def probe(self) -> None:
        url = self._odata.url(self._names.projection, self._names.set)
        await self._odata.get("probe sales parts", url, {"$top": "1", "$select": self._names.key})
