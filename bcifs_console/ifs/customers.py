"""Customers in IFS: finding them by e-mail or key, and making one, step by step (facts §4).

Each step is one HTTP call and can be asked for afterwards, so that a broken creation is resumed where it stopped. The
list of all customers, for the directory and for candidates, is in `customer_directory`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.buyers import folded_email
from bcifs_console.domain.documents import CustomerDraft
from bcifs_console.ifs import payloads
from bcifs_console.ifs.errors import NotFound
from bcifs_console.ifs.odata import all_of, enum_literal, eq, folded_eq, key
from bcifs_console.ifs.payloads import Setting
from bcifs_console.ifs.profile import Lookup, LookupKind
from bcifs_console.ifs.records import CustomerMatch, customer_match, text
from bcifs_console.ifs.transport import ODataClient
from bcifs_console.ifs.wire import Record

INFO = "info"
COPY_TEMPLATE = "copy_template"
ADDRESS = "address"
ADDRESS_TYPE = "address_type:"
COMMUNICATION = "communication"
ORDER_INFO = "order_info"
INVOICE_INFO = "invoice_info"

#: Asks a quick report about nobody: `.invalid` is reserved (RFC 2606).
_NOBODY = "nobody@bcifs.invalid"


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that `perform` would make: the step, where it goes below the IFS host, and exactly what is sent."""

    step: str
    path: str
    body: Record


class Customers:
    """The customers of one connection."""

    def __init__(self, odata: ODataClient, setting: Setting) -> None:
        self._odata = odata
        self._setting = setting
        self._names = setting.profile.customer
        self._creation = setting.profile.customer.creation

    async def by_email(self, email: str) -> list[CustomerMatch]:
        """Customers with this e-mail, each once. None for kind `none`, and for `directory`, which is our own index."""
        lookup = self._names.lookup
        if lookup.kind in (LookupKind.NONE, LookupKind.DIRECTORY) or not email:
            return []
        if lookup.kind is LookupKind.QUICK_REPORT:
            return await self._by_report(lookup, email)
        folds = lookup.fold_case or lookup.kind is LookupKind.CUSTOM_FIELD
        conditions = [folded_eq(lookup.email_property, email) if folds else eq(lookup.email_property, email)]
        if lookup.method_property:
            method = enum_literal(lookup.projection, lookup.method_enum, lookup.method_member)
            conditions.append(eq(lookup.method_property, method))
        selected = [name for name in (lookup.customer_property, lookup.name_property) if name]
        rows = await self._odata.get_all(
            "find customer by e-mail",
            self._odata.url(lookup.projection, lookup.set),
            {
                "$filter": all_of(conditions),
                "$select": ",".join(selected),
                "$orderby": lookup.customer_property,
            },
        )
        return _each_once(rows, lookup)

    async def _by_report(self, lookup: Lookup, email: str) -> list[CustomerMatch]:
        """What the report lists for the e-mail; a row that shows another address is none of its answer's."""
        # Without query options: a report is a function, and which of them it takes is not documented.
        page = await self._odata.get("find customer by quick report", self._report(lookup, email))
        values = page.get("value")
        rows = [row for row in values if isinstance(row, dict)] if isinstance(values, list) else []
        return _each_once([row for row in rows if _is_about(row, lookup.email_property, email)], lookup)

    def _report(self, lookup: Lookup, email: str) -> str:
        asked = key(**lookup.parameters, **{lookup.parameter: email})
        return self._odata.url(lookup.projection, lookup.set + asked)

    async def probe(self) -> None:
        lookup, directory = self._names.lookup, self._names.directory
        match lookup.kind:
            case LookupKind.NONE:
                return
            case LookupKind.QUICK_REPORT:
                await self._odata.get("probe customers", self._report(lookup, _NOBODY))
            case LookupKind.DIRECTORY:
                url = self._odata.url(directory.projection, directory.set)
                await self._odata.get("probe customers", url, {"$top": "1", "$select": directory.customer_property})
            case LookupKind.ENTITY_SET | LookupKind.CUSTOM_FIELD:
                url = self._odata.url(lookup.projection, lookup.set)
                await self._odata.get("probe customers", url, {"$top": "1", "$select": lookup.customer_property})

    async def by_id(self, customer_id: str) -> CustomerMatch | None:
        select = {"$select": f"CustomerId,{self._names.name}"}
        row = await self._get("read customer", self._customer(customer_id), select)
        return None if row is None else customer_match(row, "CustomerId", self._names.name)

    def steps(self, draft: CustomerDraft) -> tuple[str, ...]:
        """The calls that make this customer, in order. A template brings its order and invoice settings along."""
        made = self._creation
        copies = bool(made.template_id)
        steps = [COPY_TEMPLATE if copies else INFO]
        if made.addresses:
            steps.append(ADDRESS)
            steps += [ADDRESS_TYPE + code for code in made.address_type_codes if made.address_types]
        if made.communication and draft.email:
            steps.append(COMMUNICATION)
        if made.order_info and not copies:
            steps.append(ORDER_INFO)
        if made.invoice_info and not copies:
            steps.append(INVOICE_INFO)
        return tuple(steps)

    async def perform(self, step: str, draft: CustomerDraft) -> str:
        """Make the call of `step`. Answers with the customer id; a read-back is `is_done`."""
        url, body = self._call(step, draft)
        record = await self._odata.write(f"create customer: {step}", "POST", url, body)
        created = text(record, "CustomerId") if record is not None else ""
        return created or draft.customer_id

    def planned(self, draft: CustomerDraft) -> tuple[PlannedCall, ...]:
        """Every call that would make this customer, in order. Nothing is sent."""
        calls = ((step, self._call(step, draft)) for step in self.steps(draft))
        return tuple(PlannedCall(step, self._odata.path_of(url), body) for step, (url, body) in calls)

    def _call(self, step: str, draft: CustomerDraft) -> tuple[str, Record]:
        setting = self._setting
        if step == COPY_TEMPLATE:
            url = self._odata.url(self._names.projection, self._creation.copy_action)
            return url, payloads.customer_copy(draft, setting)
        if step == INFO:
            return self._odata.url(self._names.projection, self._names.set), payloads.customer_info(draft, setting)
        url = self._child(step, draft.customer_id)
        if step == ADDRESS:
            return url, payloads.customer_address(draft, setting)
        if step.startswith(ADDRESS_TYPE):
            return url, payloads.address_type(step.removeprefix(ADDRESS_TYPE))
        if step == COMMUNICATION:
            return url, payloads.communication(draft, setting)
        if step == ORDER_INFO:
            return url, payloads.order_info(draft, setting)
        return url, payloads.invoice_info(draft, setting)

    async def is_done(self, step: str, draft: CustomerDraft) -> bool:
        """Whether IFS already holds what `step` would make."""
        if step in {INFO, COPY_TEMPLATE}:
            found = await self.by_id(draft.customer_id)
            # Somebody else may have taken the number meanwhile: another's customer is never taken for ours.
            return found is not None and found.name.casefold() == draft.name.casefold()
        page = await self._get(f"look up customer: {step}", self._child(step, draft.customer_id), None)
        rows = page.get("value") if page is not None else None
        wanted = self._wanted(step, draft)
        return any(_matches(row, wanted) for row in rows or [] if isinstance(row, dict))

    def _wanted(self, step: str, draft: CustomerDraft) -> Mapping[str, str]:
        """What tells the row of `step` from its neighbours."""
        if step == ADDRESS:
            return {"AddressId": self._names.address_id}
        if step.startswith(ADDRESS_TYPE):
            return {"AddressTypeCode": step.removeprefix(ADDRESS_TYPE)}
        if step == COMMUNICATION:
            return {"MethodId": self._creation.email_method, "Value": draft.email}
        if step == INVOICE_INFO:
            return {"Company": self._setting.access.company}
        return {}

    def _child(self, step: str, customer_id: str) -> str:
        creation, customer = self._creation, self._customer(customer_id)
        if step.startswith(ADDRESS_TYPE):
            address = key(CustomerId=customer_id, AddressId=self._names.address_id)
            return f"{customer}/{creation.addresses}{address}/{creation.address_types}"
        navigations = {
            ADDRESS: creation.addresses,
            COMMUNICATION: creation.communication,
            ORDER_INFO: creation.order_info,
            INVOICE_INFO: creation.invoice_info,
        }
        navigation = navigations.get(step)
        if not navigation:
            raise UsageProblem(f"{step} is no step of creating a customer.")
        return f"{customer}/{navigation}"

    def _customer(self, customer_id: str) -> str:
        return self._odata.url(self._names.projection, self._names.set + key(CustomerId=customer_id))

    async def _get(self, what: str, url: str, query: Mapping[str, str] | None) -> Record | None:
        """The record, or None where IFS itself says that it is not there; a gateway's 404 stays an error."""
        try:
            return await self._odata.get(what, url, query)
        except NotFound as error:
            if error.answer.is_odata:
                return None
            raise


def _each_once(rows: Sequence[Record], lookup: Lookup) -> list[CustomerMatch]:
    """One customer may have the address in several rows; two customers are a question for a person."""
    matches = (customer_match(row, lookup.customer_property, lookup.name_property) for row in rows)
    return list({match.customer_id: match for match in matches if match.customer_id}.values())


def _is_about(row: Record, email_property: str, email: str) -> bool:
    shown = text(row, email_property)
    return not shown or folded_email(shown) == folded_email(email)


def _matches(row: Record, wanted: Mapping[str, str]) -> bool:
    return all(text(row, name).casefold() == value.casefold() for name, value in wanted.items())
