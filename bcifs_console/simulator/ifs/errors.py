"""Error bodies as IFS sends them: OData errors, and database errors with the ORA text and its stack."""

from __future__ import annotations

from bcifs_console.simulator.money import Json
from bcifs_console.simulator.web import Reply, json_reply


class IfsError(Exception):
    def __init__(self, status: int, code: str, message: str, *details: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def reply(self) -> Reply:
        error: Json = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"code": code, "message": message} for code, message in self.details]
        return json_reply({"error": error}, self.status)


class Forbidden(Exception):
    """403 with plain text, as seen when a projection is not granted."""


class Ora(IfsError):
    """`ORA-20110: LuName.TOKEN: text` plus stack lines. Which HTTP status IFS chooses is not certain: a knob."""

    def __init__(self, number: int, name: str, text: str) -> None:
        unit = name.partition(".")[0]
        package = "".join(f"_{c}" if c.isupper() else c.upper() for c in unit).strip("_").upper()
        full = (
            f"ORA-{number}: {name}: {text}\n"
            f'ORA-06512: at "IFSAPP.ERROR_SYS", line 140\n'
            f'ORA-06512: at "IFSAPP.{package}_API", line {1000 + len(text) * 7}\n'
            f"ORA-06512: at line 1"
        )
        self.number = number
        super().__init__(400, "DATABASE_ERROR", "Database error occurred. Contact administrator.", (str(number), full))


def missing(unit: str, what: str) -> Ora:
    return Ora(20111, f"{unit}.FND_RECORD_NOT_EXIST", f"The {what} does not exist.")


def exists(unit: str, what: str) -> Ora:
    return Ora(20112, f"{unit}.FND_RECORD_EXIST", f"The {what} already exists.")


def mandatory(unit: str, field: str) -> Ora:
    return Ora(20105, f"{unit}.NULLVALUE", f"Field [{field}] in {unit} is mandatory and requires a value.")


def malformed(detail_code: str, detail: str) -> IfsError:
    return IfsError(400, "ODP_UNSUPPORTED_URL", "Malformed Request.", (detail_code, detail))


def bad_body(detail_code: str, detail: str) -> IfsError:
    return IfsError(400, "ODP_BAD_REQUEST", "Malformed Request.", (detail_code, detail))


def unknown_projection() -> IfsError:
    return IfsError(404, "MI_METADATA_NOTFOUND", "Metadata not found.")


def not_found() -> IfsError:
    return IfsError(404, "ODP_NOT_FOUND", "The requested entity was not found.")


def not_implemented() -> IfsError:
    return IfsError(501, "ODP_NOT_IMPLEMENTED", "Not Implemented")
