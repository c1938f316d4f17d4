"""What can go wrong with IFS, as types, and the reading of an answer that says so.

Classified by ORA number first, then by HTTP status (DESIGN §6, facts §3). The text is for people only: it is cut before
the ORA-06512 stack lines and never decides anything. Sending and retrying live elsewhere (`transport.py`, the worker).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Self

from bcifs_console.base.problems import Problem, ProblemKind

#: Longest text shown to people.
_TEXT_LIMIT: Final = 500

#: What a database or a terminal does not take: NUL, and halves of a character that JSON can spell but nothing encode.
_UNPRINTABLE: Final = re.compile("[\x00\ud800-\udfff]")
#: No Retry-After holds an order back for longer: by then it is worth a try, whatever the header says.
_LONGEST_WAIT_S: Final = 3600.0

_ORA: Final = re.compile(r"ORA-(\d{5})")
_STACK_LINE: Final = "06512"
_TOKEN: Final = re.compile(r"ORA-\d{5}:\s*([A-Za-z0-9_]+\.[A-Z0-9_]+)\s*:")

# Locked, system error; and of Oracle itself: busy, deadlock victim, package state discarded by a deployment.
# The database answered, so the statement is rolled back and may be sent again.
_TRANSIENT: Final = frozenset({"20113", "20100", "00054", "00060", "04061", "04065", "04068", "06508"})
# The database went away in the middle: whether it had committed is not known.
_LOST_DATABASE: Final = frozenset(
    {"00028", "00603", "01012", "01033", "01034", "01089", "02396", "03113", "03114", "03135", "03136"}
    | {"12170", "12514", "12537", "12541", "12547", "12570", "12571", "25402", "25408"}
)
_CHANGED: Final = frozenset({"20114"})
_DUPLICATE: Final = frozenset({"20112", "00001"})
_MISSING: Final = frozenset({"20111", "20125", "20180", "02291"})
_PERMISSION: Final = frozenset({"20106", "20107", "20118", "20119", "20140", "01031"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What IFS said when it refused. `ora` is the five digits, `token` is `LuName.TOKEN`, `status` 0 without answer."""

    status: int = 0
    ora: str | None = None
    token: str | None = None
    code: str | None = None  #: the OData error code, for example MI_METADATA_NOTFOUND
    text: str = ""  #: for people, without stack lines
    is_odata: bool = False  #: the body was an OData error, so IFS itself (no gateway) answered


NO_ANSWER: Final = Answer()


class IfsError(Problem):
    """Root of the errors of this package; carries what IFS answered."""

    default_remedy = ""

    def __init__(
        self, message: str, *, remedy: str = "", answer: Answer = NO_ANSWER, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy or self.default_remedy)
        self.answer = answer
        self.retry_after_s = retry_after_s

    @property
    def ora(self) -> str | None:
        """The ORA number that classified it, five digits, for example 20110."""
        return self.answer.ora

    @property
    def token(self) -> str | None:
        """`LuName.TOKEN`, the same in every language."""
        return self.answer.token

    @property
    def status(self) -> int:
        """The HTTP status; 0 where no answer came."""
        return self.answer.status


class Transient(IfsError):
    """May pass by itself; surely not carried out. `retry_after_s` where IFS said how long to wait."""

    kind = ProblemKind.TRANSIENT
    default_remedy = "It is tried again by itself; if it stays, check that IFS is up."


class NotSent(Transient):
    """No connection could be made: IFS has seen nothing of the call."""

    default_remedy = "It is tried again by itself; if it stays, check base_url, the network and the certificate."


class OutcomeUnknown(IfsError):
    """A write went out and no usable answer came back: it may or may not have been carried out (DESIGN §6)."""

    kind = ProblemKind.UNKNOWN_OUTCOME
    default_remedy = "It is looked up before anything is sent again."


class LookupIncomplete(OutcomeUnknown):
    """A place that may show the record did not answer, so nobody can say that it is not there (DESIGN §6).

    Its `kind` is the cause's where that may pass by itself or with a grant, so that the cause is acted on.
    """

    default_remedy = (
        "Nothing is sent until every look-up source answers; see voucher.lookup_sources in the IFS profile."
    )

    @classmethod
    def because(cls, what: str, source: str, cause: IfsError) -> Self:
        """The error for `what` that `source` did not answer about."""
        error = cls(
            f"{what} could not be looked up in {source}: {cause.message}",
            remedy=f"{cls.default_remedy} {cause.remedy}".strip(),
            answer=cause.answer,
            retry_after_s=cause.retry_after_s,
        )
        if cause.kind in (ProblemKind.CONNECTION, ProblemKind.TRANSIENT):
            error.kind = cause.kind
        return error


class Conflict(IfsError):
    """The record has changed since it was read (412, 428, ORA-20114): read again, decide again."""

    kind = ProblemKind.CONFLICT
    default_remedy = "The record is read again before it is decided anew; nothing is overwritten."


class Duplicate(IfsError):
    """The record exists already (ORA-20112): look it up."""

    kind = ProblemKind.DUPLICATE
    default_remedy = "Look the record up in IFS; if it is another one, give ours a key of its own."


class MissingMasterData(IfsError):
    """A record that ours refers to does not exist (ORA-20111, 20125, 20180)."""

    kind = ProblemKind.MISSING
    default_remedy = (
        "Add the missing master data in IFS (for the right company and site), or map to a value that exists; "
        "then try again."
    )


class BusinessRule(IfsError):
    """IFS refused it by a rule of its own; sending the same again cannot help."""

    kind = ProblemKind.BUSINESS
    default_remedy = "Ask whoever answers for this area in IFS; correct the data or the mapping, then try again."


class PeriodClosed(BusinessRule):
    """IFS refused a voucher, and asked for the period of its date it says that it is closed (ACCOUNTING §3)."""

    default_remedy = (
        "Open the period for the voucher's user group in IFS and sync again, or set [policy] closed_period = "
        '"next_open" in the connection.'
    )


class PermissionDenied(IfsError):
    """The service user may not do this. No fault of any one order."""

    kind = ProblemKind.CONNECTION
    default_remedy = (
        "Ask the IFS administrator to grant the projection in a permission set of the service user, and to give it "
        "the company (user-company) and the site (user allowed site)."
    )


class AuthenticationFailed(IfsError):
    """IFS gives no token for these credentials, or does not accept the token it gave."""

    kind = ProblemKind.CONNECTION
    default_remedy = (
        "Check realm, client_id and client_secret against the IAM client in IFS (service accounts on, a service user "
        "chosen), then set the secret again."
    )


class BadRequest(IfsError):
    """IFS does not understand the request: a name in the profile does not fit this installation."""

    kind = ProblemKind.CONFIGURATION
    default_remedy = "Run `bcifs connection test`: it compares every name in the IFS profile with this installation."


class NotFound(IfsError):
    """IFS itself says that the record asked for is not there, or row security hides it (facts §1)."""

    kind = ProblemKind.NOT_FOUND
    default_remedy = "Check that it exists and that the service user is allowed its company and site."


def read_answer(status: int, body: bytes, content_type: str = "") -> Answer:
    """What a refusal says, from an OData error body, a gateway's JSON, a text or nothing (facts §3)."""
    text = body.decode("utf-8", "replace")
    code: str | None = None
    is_odata = False
    parts: list[str] = []
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        error = document.get("error")
        if isinstance(error, dict):
            is_odata = True
            code = _text_of(error.get("code")) or None
            parts = [*_detail_texts(error.get("details")), _text_of(error.get("message"))]
        else:
            # Keycloak: error, error_description; Azure API Management: statusCode, message.
            parts = [_text_of(document.get(k)) for k in ("error_description", "message", "error")]
    elif not _is_markup(text, content_type):
        parts = [text]
    return _answer(status, [p for p in parts if p.strip()], code, is_odata=is_odata)


def _answer(status: int, parts: list[str], code: str | None, *, is_odata: bool) -> Answer:
    for part in parts:
        number = next((n for n in _ORA.findall(part) if n != _STACK_LINE), None)
        if number is not None:
            token = _TOKEN.search(part)
            return Answer(status, number, token.group(1) if token else None, code, people_text(part), is_odata)
    return Answer(status, None, None, code, people_text(parts[0]) if parts else "", is_odata)


def people_text(text: str) -> str:
    """`text` without its stack: all before the first ORA-06512, on one line, printable, of a length one can read."""
    head = _UNPRINTABLE.sub("", text).split(f"ORA-{_STACK_LINE}", 1)[0]
    line = " ".join(head.split())
    return line if len(line) <= _TEXT_LIMIT else f"{line[: _TEXT_LIMIT - 1]}…"


def error_of(answer: Answer, what: str, *, is_write: bool, retry_after_s: float | None = None) -> IfsError:
    """The typed error for a refusal. `what` names the call for people, for example "add order line"."""
    message = _message(answer, what)
    if answer.ora is not None:
        kind = _by_ora(answer.ora, is_write=is_write)
        if kind is MissingMasterData and answer.status == 404 and not is_write:
            kind = NotFound  # it is the record asked for that does not exist, not one it refers to
        return kind(message, answer=answer, retry_after_s=retry_after_s, remedy=_remedy(answer))
    return _by_status(answer, message, is_write=is_write, retry_after_s=retry_after_s)


def _by_ora(ora: str, *, is_write: bool) -> type[IfsError]:
    if ora in _LOST_DATABASE:
        return OutcomeUnknown if is_write else Transient
    table: tuple[tuple[frozenset[str], type[IfsError]], ...] = (
        (_TRANSIENT, Transient),
        (_CHANGED, Conflict),
        (_DUPLICATE, Duplicate),
        (_MISSING, MissingMasterData),
        (_PERMISSION, PermissionDenied),
    )
    return next((kind for numbers, kind in table if ora in numbers), BusinessRule)


def _by_status(answer: Answer, message: str, *, is_write: bool, retry_after_s: float | None) -> IfsError:
    status = answer.status
    if status == 429:
        return Transient(message, answer=answer, retry_after_s=retry_after_s)
    if status == 401:
        return AuthenticationFailed(message, answer=answer)
    if status == 403 or answer.code == "MI_METADATA_NOTFOUND":
        return PermissionDenied(message, answer=answer)
    if status in {400, 404} and not answer.is_odata:
        # Not IFS but something before it (a gateway, a proxy) answered: it passed nothing on, and says nothing about
        # the record or the request.
        return Transient(message, answer=answer, retry_after_s=retry_after_s, remedy=_GATEWAY_REMEDY)
    if status == 404:
        return NotFound(message, answer=answer)
    if status in {409, 412, 428}:
        return Conflict(message, answer=answer)
    if status == 501 and answer.is_odata:
        return BadRequest(message, answer=answer)
    if status >= 500 or status == 408:
        kind = OutcomeUnknown if is_write else Transient
        return kind(message, answer=answer, retry_after_s=retry_after_s)
    if 300 <= status < 400:
        return BadRequest(message, answer=answer, remedy="IFS redirects elsewhere: check base_url and the gateway.")
    return BadRequest(message, answer=answer)


_GATEWAY_REMEDY: Final = (
    "The answer is not IFS's own. It is tried again by itself; if it stays, check base_url, any gateway before IFS, "
    "and layer and gateway_prefix in the IFS profile."
)


def _message(answer: Answer, what: str) -> str:
    if answer.text:
        return f"{what}: {answer.text}"
    return f"{what}: IFS answered with HTTP status {answer.status}."


def _remedy(answer: Answer) -> str:
    """A remedy that names the record, where the token says which one (`LuName.TOKEN`, facts §3)."""
    if answer.ora in _MISSING and answer.token:
        record = answer.token.split(".", 1)[0]
        return (
            f"Add the missing {record} in IFS (for the right company and site), or map to one that exists; "
            "then try again."
        )
    return ""


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, an hour at most, from a Retry-After header (seconds or an HTTP date); None where unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), _LONGEST_WAIT_S)


def _is_markup(text: str, content_type: str) -> bool:
    return "html" in content_type.lower() or text.lstrip().startswith("<")


def _detail_texts(details: object) -> list[str]:
    found = details if isinstance(details, list) else []
    return [_text_of(detail.get("message")) for detail in found if isinstance(detail, dict)]


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""
