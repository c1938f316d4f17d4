"""The list of all customers in IFS: read a stretch at a time for the directory, searched by name for candidates.

Reads only, one HTTP call per method (more by pages). How far a crawl got, and what becomes of it, is in
`sync.directory` and `store.directory`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bcifs_console.ifs.errors import NotFound
from bcifs_console.ifs.odata import above, all_of, any_of, folded_contains, folded_ends_with, key
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.profile import LookupKind
from bcifs_console.ifs.records import CustomerMatch, customer_match, text
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.wire import Record


@dataclass(frozen=True, slots=True)
class Contacts:
    """What a customer is reached by, as IFS has it: neither folded nor checked."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class CustomerDirectory:
    """All customers of one connection's IFS."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._customer = setting.profile.customer
        self._names = setting.profile.customer.directory
        self._addresses = setting.profile.customer.creation.addresses

    async def stretch(self, after: str, size: int) -> list[CustomerMatch]:
        """Up to `size` customers behind the id `after` ("" for the first), by id. An empty list is the end.

        IFS may answer with fewer than there are (facts §2): only an empty answer says that there are no more.
        """
        query = self._query(size)
        if after:
            query["$filter"] = above(self._names.customer_property, after)
        return self._found(await self._rows("read customers", query))

    async def contacts(self, customer_id: str) -> Contacts:
        """The customer's communication methods; none where IFS has no such customer any more."""
        names = self._names
        rows = await self._below("read communication methods", customer_id, names.methods)

        def values(members: Sequence[str]) -> tuple[str, ...]:
            found = (text(row, names.value_property) for row in rows if text(row, names.method_property) in members)
            return tuple(value for value in found if value)

        return Contacts(values(names.email_members), values(names.phone_members))

    async def postcodes(self, customer_id: str) -> tuple[str, ...]:
        """The postcodes of the customer's addresses."""
        if not self._addresses:
            return ()
        rows = await self._below("read addresses", customer_id, self._addresses)
        return tuple(filter(None, (text(row, self._names.zip_code) for row in rows)))

    async def search(self, words: Sequence[str], domain: str = "", *, every: bool = False) -> list[CustomerMatch]:
        """Customers with one of the `words` in their name (with `every`: all of them) or, where IFS is looked up by
        e-mail field, an address of that `domain`; at most `search_limit` of each."""
        if not self._names.search:
            return []
        found: list[CustomerMatch] = []
        if words:
            joined = all_of if every else any_of
            named = joined([folded_contains(self._names.name_property, word) for word in words])
            query = {**self._query(self._names.search_limit), "$filter": named}
            found += self._found(await self._rows("search customers by name", query))
        lookup = self._customer.lookup
        if domain and lookup.kind is LookupKind.CUSTOM_FIELD:
            query = {
                "$top": str(self._names.search_limit),
                "$select": ",".join(filter(None, (lookup.customer_property, lookup.name_property))),
                "$orderby": lookup.customer_property,
                "$filter": folded_ends_with(lookup.email_property, f"@{domain}"),
            }
            url = self._odata.url(lookup.projection, lookup.set)
            page = await self._odata.get("search customers by e-mail domain", url, query)
            matches = (customer_match(row, lookup.customer_property, lookup.name_property) for row in _values(page))
            found += [match for match in matches if match.customer_id]
        return list({match.customer_id: match for match in found}.values())

    def _query(self, size: int) -> dict[str, str]:
        names = self._names
        return {
            "$top": str(size),
            "$select": f"{names.customer_property},{names.name_property}",
            "$orderby": names.customer_property,
        }

    async def _rows(self, what: str, query: dict[str, str]) -> list[Record]:
        return _values(await self._odata.get(what, self._odata.url(self._names.projection, self._names.set), query))

    def _found(self, rows: Sequence[Record]) -> list[CustomerMatch]:
        matches = (customer_match(row, self._names.customer_property, self._names.name_property) for row in rows)
        return [match for match in matches if match.customer_id]

    async def _below(self, what: str, customer_id: str, navigation: str) -> list[Record]:
        """All rows of a customer's navigation; none where IFS itself says that the customer is not there."""
        one = self._customer.set + key(CustomerId=customer_id)
        try:
            return await self._odata.get_all(what, self._odata.url(self._customer.projection, one, navigation))
        except NotFound as error:
            if error.answer.is_odata:
                return []
            raise


def _values(page: Record) -> list[Record]:
    rows = page.get("value")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
