"""The OData engine: follows a path through a projection and does what the method asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bcifs_console.simulator.ifs import bodies, metadata
from bcifs_console.simulator.ifs.company import Company
from bcifs_console.simulator.ifs.errors import IfsError, bad_body, not_found, not_implemented
from bcifs_console.simulator.ifs.options import Reads, selected
from bcifs_console.simulator.ifs.schema import Action, Entity, Projection
from bcifs_console.simulator.ifs.tables import ETAG, Table
from bcifs_console.simulator.ifs.urls import Segment, key_of, segments
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.web import Reply, Request, json_reply

DATA = "application/json;odata.metadata=minimal"
_SERVICE_PREFIX = "IfsApp."


@dataclass(frozen=True)
class Target:
    """Where a path leads: one row, or the children of one, or a whole set. `given` is what the parent fixes."""

    entity: Entity
    table: Table
    name: str
    row: Json | None
    given: dict[str, Any]
    whole: bool


class OData:
    def __init__(self, company: Company) -> None:
        self._company = company
        self.reads = Reads()
        self.post_204 = False
        self.sites: set[str] | None = None
        self.companies: set[str] | None = None
        self._documents: dict[str, bytes] = {}
        self._relative = 0

    def respond(self, request: Request, projection: Projection, rest: str, base: str) -> Reply:
        if rest == "$metadata":
            return self._metadata(projection)
        if not rest:
            self._only(request, "GET")
            return self._data(metadata.service_document(projection, f"{base}$metadata"))
        path = segments(rest)
        first = path[0].name
        if first in projection.actions or first in projection.functions:
            return self._unbound(request, projection, path[0], base)
        if first.startswith("$"):
            raise not_implemented()
        return self._resource(request, projection, path, base)

    def _metadata(self, projection: Projection) -> Reply:
        document = self._documents.get(projection.name)
        if document is None:
            document = self._documents[projection.name] = metadata.edmx(projection)
        return Reply(200, document, content_type="application/xml")

    def _data(self, body: object, status: int = 200) -> Reply:
        reply = json_reply(body, status)
        reply.content_type = DATA
        return reply

    def _only(self, request: Request, *methods: str) -> None:
        if request.method not in methods:
            raise IfsError(405, "ODP_METHOD_NOT_ALLOWED", f"The method {request.method} is not allowed here.")

    def _resource(self, request: Request, projection: Projection, path: list[Segment], base: str) -> Reply:
        target = self._start(projection, path[0])
        for position, segment in enumerate(path[1:], start=1):
            last = position == len(path) - 1
            if segment.name == "$count" and last:
                rows = self._rows(target)
                count = self.reads.count(rows, request.query, target.entity, projection)
                return Reply(200, str(count).encode(), content_type="text/plain")
            if segment.name.startswith(_SERVICE_PREFIX) and last:
                return self._bound(request, projection, target, segment, base)
            target = self._follow(projection, target, segment)
        if target.row is not None:
            return self._one(request, projection, target, base)
        return self._many(request, projection, target, base)

    def _start(self, projection: Projection, segment: Segment) -> Target:
        if segment.name not in projection.sets:
            raise IfsError(
                404,
                "ODP_NOT_FOUND",
                "Malformed Request.",
                (
                    "RESOURCE_NOT_FOUND",
                    f"Cannot find EntitySet, Singleton, ActionImport or FunctionImport '{segment.name}'.",
                ),
            )
        entity = projection.entities[projection.sets[segment.name]]
        table = self._company.db[entity.table]
        row = None
        if segment.keys is not None:
            row = self._visible_row(table, key_of(segment, entity, {}))
        return Target(entity, table, segment.name, row, {}, row is None)

    def _follow(self, projection: Projection, target: Target, segment: Segment) -> Target:
        navigation = target.entity.navigations.get(segment.name)
        if target.row is None or navigation is None:
            raise IfsError(
                404,
                "ODP_NOT_FOUND",
                "Malformed Request.",
                ("PROPERTY_NOT_IN_TYPE", f"'{segment.name}' is not defined in type '{target.entity.name}'."),
            )
        entity = projection.entities[navigation.entity]
        table = self._company.db[entity.table]
        given = {child: target.row[parent] for parent, child in navigation.join}
        row = None
        if segment.keys is not None:
            row = self._visible_row(table, key_of(segment, entity, given))
            if any(row.get(field) != value for field, value in given.items()):
                raise not_found()
        return Target(entity, table, segment.name, row, given, False)

    def _visible_row(self, table: Table, key: tuple[Any, ...]) -> Json:
        row = table.get(*key)
        if row is None or not self._visible(row):
            raise not_found()
        return row

    def _visible(self, row: Json) -> bool:
        """Row security: what the user's allowed sites and companies leave out does not exist for it."""
        if self.sites is not None and "Contract" in row and row["Contract"] not in self.sites:
            return False
        return self.companies is None or "Company" not in row or row["Company"] in self.companies

    def _rows(self, target: Target) -> Table | Iterator[Json]:
        if target.whole:
            if self.sites is None and self.companies is None:
                return target.table
            return (row for row in target.table.rows.values() if self._visible(row))
        fields = list(target.given.items())
        indexed = next((i for i, (field, _) in enumerate(fields) if target.table.indexed(field)), 0)
        field, value = fields.pop(indexed)
        return (
            row
            for row in list(target.table.where(field, value))
            if all(row.get(name) == wanted for name, wanted in fields) and self._visible(row)
        )

    def _many(self, request: Request, projection: Projection, target: Target, base: str) -> Reply:
        self._only(request, "GET", "POST")
        if request.method == "POST":
            return self._create(request, projection, target, base)
        page = self.reads.page(self._rows(target), request.query, target.entity, projection)
        body: Json = {"@odata.context": f"{base}$metadata#{target.name}"}
        if page.count is not None:
            body["@odata.count"] = page.count
        body["value"] = [selected(row, request.query, target.entity) for row in page.rows]
        if page.next_query is not None:
            body["@odata.nextLink"] = self._next_link(request, base, page.next_query)
        return self._data(body)

    def _next_link(self, request: Request, base: str, query: str) -> str:
        """Absolute or relative, in turns: both are allowed and clients must follow either."""
        self._relative += 1
        resource = request.path.partition(".svc/")[2]
        return f"{base}{resource}?{query}" if self._relative % 2 else f"{resource}?{query}"

    def _create(self, request: Request, projection: Projection, target: Target, base: str) -> Reply:
        creator = self._company.creators.get(target.table.name)
        if creator is None or not (target.name in projection.creatable or (target.given and projection.creatable)):
            raise IfsError(405, "ODP_METHOD_NOT_ALLOWED", "The entity may not be created here.")
        self.reads.check(request.query, target.entity)
        values = bodies.checked(request.json(), target.entity, projection)
        for field, value in target.given.items():
            if values.get(field) not in (None, value):
                raise bad_body("DESERIALIZER_INVALID_VALUE_FOR_PROPERTY", f"'{field}' does not match the parent's key.")
            # The order number must be sent (real clients do); other keys may be left to the URL.
            if field != "OrderNo":
                values[field] = value
        if target.table.name == "CustomerOrder":
            self._check_site(values)
        row = creator(values)
        if self.post_204:
            return Reply(204)
        return self._entity(request, target, row, base, 201)

    def _check_site(self, values: Json) -> None:
        if self.sites is not None and values.get("Contract") not in self.sites:
            raise IfsError(
                400,
                "DATABASE_ERROR",
                "Database error occurred. Contact administrator.",
                ("20118", "ORA-20118: UserAllowedSite.FND_ACCESS_BLOCKED: The site is not allowed for this user."),
            )

    def _entity(self, request: Request, target: Target, row: Json, base: str, status: int) -> Reply:
        shown = selected(row, request.query, target.entity)
        return self._data({"@odata.context": f"{base}$metadata#{target.name}/$entity", **shown}, status)

    def _one(self, request: Request, projection: Projection, target: Target, base: str) -> Reply:
        self._only(request, "GET", "PATCH", "DELETE")
        row = target.row or {}
        if request.method == "GET":
            self.reads.check(request.query, target.entity)
            return self._entity(request, target, row, base, 200)
        actors = self._company.changers if request.method == "PATCH" else self._company.removers
        if target.table.name not in actors or not projection.creatable or target.name.startswith("Reference_"):
            raise IfsError(405, "ODP_METHOD_NOT_ALLOWED", f"The method {request.method} is not allowed here.")
        # PATCH works without If-Match (real clients do that), but a stale one is refused.
        self._match(request, row, required=request.method == "DELETE")
        if request.method == "DELETE":
            self._company.removers[target.table.name](row)
            return Reply(204)
        values = bodies.checked(request.json(), target.entity, projection)
        self._company.changers[target.table.name](row, values)
        return self._entity(request, target, row, base, 200)

    def _match(self, request: Request, row: Json, *, required: bool) -> None:
        tag = request.headers.get("if-match")
        if tag is None:
            if required:
                raise IfsError(428, "ODP_PRECONDITION_REQUIRED", "The If-Match header is required.")
            return
        if tag != "*" and row[ETAG] not in (part.strip() for part in tag.split(",")):
            raise stale()

    def _bound(self, request: Request, projection: Projection, target: Target, segment: Segment, base: str) -> Reply:
        name = segment.name.removeprefix(f"{projection.namespace}.")
        if name == f"{target.entity.name}_Default" and target.entity.has_default:
            self._only(request, "GET")
            values = {**self._company.defaults.get(target.entity.name, {}), **target.given}
            return self._data({"@odata.context": f"{base}$metadata#{target.name}/$entity", "@odata.etag": "", **values})
        action = target.entity.actions.get(name)
        if action is None or target.row is None:
            raise not_found()
        self._only(request, "POST")
        self._match(request, target.row, required=True)
        given = bodies.parameters(request.json() if request.body else {}, action)
        return self._result(self._company.bound[name](target.row, given), action, base)

    def _unbound(self, request: Request, projection: Projection, segment: Segment, base: str) -> Reply:
        action = projection.actions.get(segment.name)
        if action is not None:
            self._only(request, "POST")
            given = bodies.parameters(request.json() if request.body else {}, action)
        else:
            self._only(request, "GET")
            action = projection.functions[segment.name]
            given = bodies.parameters(dict(segment.keys or ()), action)
        return self._result(self._company.unbound[segment.name](given), action, base)

    def _result(self, value: Any, action: Action, base: str) -> Reply:
        if not action.returns:
            return Reply(204)
        return self._data({"@odata.context": f"{base}$metadata#{action.returns}", "value": value})


def stale() -> IfsError:
    return IfsError(412, "ODP_PRECONDITION_FAILED", "The precondition failed: the record has been changed.")
