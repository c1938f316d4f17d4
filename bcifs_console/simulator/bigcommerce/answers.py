"""The two dialects of the API: v2 answers bare arrays and array errors, v3 wraps data and answers error objects."""

from __future__ import annotations

from typing import Any

from bcifs_console.simulator.money import Json
from bcifs_console.simulator.web import Reply, json_reply

_STATUS_DOCS = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"

NOT_FOUND = "The requested resource was not found."


class Refused(Exception):
    """A v2 error: one message per problem."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__(*messages)
        self.status = status
        self.messages = messages


def v2_error(status: int, *messages: str) -> Reply:
    return json_reply([{"status": status, "message": message} for message in messages], status)


def v3_error(status: int, title: str, errors: dict[str, str] | None = None) -> Reply:
    body: Json = {"status": status, "title": title, "type": _STATUS_DOCS}
    if errors is not None:
        body["errors"] = errors
    return json_reply(body, status)


def v2_list(rows: list[Any]) -> Reply:
    """Nothing to list is 204 without a body, also past the last page."""
    return json_reply(rows) if rows else Reply(204)


def v3_data(data: object, meta: Json | None = None, status: int = 200) -> Reply:
    return json_reply({"data": data, "meta": meta or {}}, status)


def pagination(total: int, count: int, page: int, limit: int) -> Json:
    pages = max(1, -(-total // limit))
    return {
        "pagination": {
            "total": total,
            "count": count,
            "per_page": limit,
            "current_page": page,
            "total_pages": pages,
            "links": {"current": f"?page={page}&limit={limit}"},
        }
    }


def page_of(query: dict[str, str], default: int = 50, most: int = 250) -> tuple[int, int]:
    """Page and limit; nonsense falls back to the default, a limit above the most is cut."""
    return _positive(query.get("page"), 1), min(most, _positive(query.get("limit"), default))


def _positive(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else default


def slice_of(rows: list[Any], query: dict[str, str], default: int = 50, most: int = 250) -> list[Any]:
    page, limit = page_of(query, default, most)
    return rows[(page - 1) * limit : page * limit]
