"""Refusals become types: by ORA number first, then by status; texts lose their stack and decide nothing."""

import json
from datetime import UTC, datetime

import pytest

from bcifs_console.base.problems import ProblemKind
from bcifs_console.ifs import errors
from bcifs_console.ifs.errors import IfsError, error_of, read_answer, retry_after


def ora_body(message: str) -> bytes:
    error = {
        "code": "DATABASE_ERROR",
        "message": "Database error occurred.",
        "details": [{"code": "X", "message": message}],
    }
    return json.dumps({"error": error}).encode()


def refused(status: int, body: bytes, *, is_write: bool = True, content_type: str = "application/json") -> IfsError:
    return error_of(read_answer(status, body, content_type), "do it", is_write=is_write)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    ("ora", "kind"),
    [
        ("20105", errors.BusinessRule),
        ("20110", errors.BusinessRule),
        ("20115", errors.BusinessRule),
        ("20116", errors.BusinessRule),
        ("20120", errors.BusinessRule),
        ("20121", errors.BusinessRule),
        ("20122", errors.BusinessRule),
        ("20124", errors.BusinessRule),
        ("20126", errors.BusinessRule),
        ("20130", errors.BusinessRule),
        ("20132", errors.BusinessRule),
        ("01722", errors.BusinessRule),
        ("20111", errors.MissingMasterData),
        ("20125", errors.MissingMasterData),
        ("20180", errors.MissingMasterData),
        ("20112", errors.Duplicate),
        ("20113", errors.Transient),
        ("20100", errors.Transient),
        ("04068", errors.Transient),
        ("20114", errors.Conflict),
        ("20106", errors.PermissionDenied),
        ("20107", errors.PermissionDenied),
        ("20118", errors.PermissionDenied),
        ("20119", errors.PermissionDenied),
        ("20140", errors.PermissionDenied),
        ("03113", errors.OutcomeUnknown),
    ],
)
def test_the_ora_number_decides_before_the_status(status: int, ora: str, kind: type[IfsError]) -> None:
    error = refused(status, ora_body(f"ORA-{ora}: CustomerOrder.SOME_TOKEN: text"))
    assert type(error) is kind
    assert (error.ora, error.token, error.status) == (ora, "CustomerOrder.SOME_TOKEN", status)


def test_the_text_stops_before_the_stack() -> None:
    stack = (
        "ORA-20111: CurrencyCode.FND_RECORD_NOT_EXIST: The Currency Code does not exist.\n"
        'ORA-06512: at "IFSAPP.ERROR_SYS", line 139\nORA-06512: at line 1'
    )
    error = refused(500, ora_body(stack))
    assert error.message == "do it: ORA-20111: CurrencyCode.FND_RECORD_NOT_EXIST: The Currency Code does not exist."
    assert error.token == "CurrencyCode.FND_RECORD_NOT_EXIST"
    assert "CurrencyCode" in error.remedy
    assert error.kind is ProblemKind.MISSING


def test_a_stack_line_is_never_the_number_that_decides() -> None:
    error = refused(500, ora_body('ORA-06512: at "IFSAPP.X", line 1\nORA-20113: Order.FND_RECORD_LOCKED: locked'))
    assert error.ora == "20113"
    assert type(error) is errors.Transient


def test_oracle_errors_without_a_token_are_understood() -> None:
    error = refused(500, ora_body("ORA-01722: invalid number"))
    assert (error.ora, error.token) == ("01722", None)


def test_an_ora_number_in_the_outer_message_counts() -> None:
    body = json.dumps({"error": {"code": "X", "message": "ORA-20112: CustomerInfo.FND_RECORD_EXIST: exists"}}).encode()
    assert type(refused(400, body)) is errors.Duplicate


def odata_body(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "Text."}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "on_write", "on_read"),
    [
        (429, b"", errors.Transient, errors.Transient),
        (412, b"", errors.Conflict, errors.Conflict),
        (428, b"", errors.Conflict, errors.Conflict),
        (401, b"", errors.AuthenticationFailed, errors.AuthenticationFailed),
        (403, b"Insufficient privileges.", errors.PermissionDenied, errors.PermissionDenied),
        (404, odata_body("MI_METADATA_NOTFOUND"), errors.PermissionDenied, errors.PermissionDenied),
        (404, odata_body("X"), errors.NotFound, errors.NotFound),
        (400, odata_body("ODP_UNSUPPORTED_URL"), errors.BadRequest, errors.BadRequest),
        (404, b"", errors.Transient, errors.Transient),
        (404, b"<html>no such route</html>", errors.Transient, errors.Transient),
        (404, b'{"statusCode": 404, "message": "Resource not found"}', errors.Transient, errors.Transient),
        (400, b"Bad Request", errors.Transient, errors.Transient),
        (
            401,
            b'{"statusCode": 401, "message": "Invalid JWT."}',
            errors.AuthenticationFailed,
            errors.AuthenticationFailed,
        ),
        (405, b"", errors.BadRequest, errors.BadRequest),
        (501, odata_body("ODP_NOT_IMPLEMENTED"), errors.BadRequest, errors.BadRequest),
        (302, b"", errors.BadRequest, errors.BadRequest),
        (500, b"", errors.OutcomeUnknown, errors.Transient),
        (502, b"<html>Bad Gateway</html>", errors.OutcomeUnknown, errors.Transient),
        (503, b"", errors.OutcomeUnknown, errors.Transient),
        (504, b"", errors.OutcomeUnknown, errors.Transient),
    ],
)
def test_without_an_ora_number_the_status_decides(
    status: int, body: bytes, on_write: type[IfsError], on_read: type[IfsError]
) -> None:
    assert type(refused(status, body, is_write=True)) is on_write
    assert type(refused(status, body, is_write=False)) is on_read


def test_a_text_body_is_shown_and_markup_is_not() -> None:
    assert refused(403, b"Insufficient privileges.", content_type="text/plain").message == (
        "do it: Insufficient privileges."
    )
    page = refused(502, b"<html><script>alert(1)</script></html>", content_type="text/html")
    assert page.message == "do it: IFS answered with HTTP status 502."


def test_details_say_more_than_the_outer_message() -> None:
    body = {"error": {"code": "X", "message": "Malformed Request.", "details": [{"message": "The property 'A' …"}]}}
    assert refused(400, json.dumps(body).encode()).message == "do it: The property 'A' …"


def test_a_missing_record_asked_for_by_key_is_not_found_rather_than_missing_master_data() -> None:
    body = ora_body("ORA-20111: CustomerOrder.FND_RECORD_NOT_EXIST: The Customer Order does not exist.")
    assert type(refused(404, body, is_write=False)) is errors.NotFound
    assert type(refused(404, body, is_write=True)) is errors.MissingMasterData


@pytest.mark.parametrize("body", [b'{"error": null}', b"[1]", b"null", b"\xff"])
def test_odd_bodies_do_not_break_the_reading(body: bytes) -> None:
    assert type(refused(400, body)) is errors.Transient
    assert type(refused(400, b'{"error":{"details":[1,{"message":2}]}}')) is errors.BadRequest


def test_a_gateways_answer_says_where_to_look() -> None:
    assert "gateway" in refused(404, b"").remedy


@pytest.mark.parametrize(
    "ora",
    ["00028", "00603", "01012", "02396", "03113", "03136", "12537", "12547", "12570", "12571", "25402", "25408"],
)
def test_a_lost_database_leaves_a_write_unknown_and_a_read_to_be_tried_again(ora: str) -> None:
    body = ora_body(f"ORA-{ora}: the database went away")
    assert type(refused(500, body, is_write=True)) is errors.OutcomeUnknown
    assert type(refused(500, body, is_write=False)) is errors.Transient


def test_texts_hold_nothing_that_cannot_be_stored() -> None:
    body = rb'{"error": {"code": "X", "message": "a\u0000b\ud800c \ud83d\ude00"}}'
    message = refused(400, body).message
    assert message == "do it: abc \N{GRINNING FACE}"
    assert message.encode()


def test_long_texts_are_cut() -> None:
    assert len(refused(400, b"x" * 5000, content_type="text/plain").message) < 600


def test_every_type_says_what_to_do() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, IfsError) and k is not IfsError]
    assert len(kinds) >= 11
    assert all(kind("m").remedy for kind in kinds)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Tue, 01 Dec 2026 12:00:30 GMT", 30.0),
        ("Tue, 01 Dec 2026 11:00:00 GMT", 0.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("Wed, 02 Dec 2026 12:00:00 GMT", 3600.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 12, 1, 12, tzinfo=UTC)) == seconds
