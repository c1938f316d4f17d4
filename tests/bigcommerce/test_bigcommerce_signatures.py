"""Which deliveries are believed. The standardwebhooks library is the oracle for its scheme."""

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.scopes import HOOK_HEADER
from bcifs_console.bigcommerce.signatures import RefusalKind, Refused, Scheme, Verified, Verifier, verify

CLIENT_SECRET = "a" * 64
HOOK_SECRET = "hook-secret-of-ours"
NOW = datetime(2023, 7, 5, 20, 20, 20, tzinfo=UTC)
BODY = (
    b'{"producer":"stores/abc123","hash":"0f1b5800def7b505369b08b4a3503a1db2c4b1a6","created_at":1688588419,'
    b'"store_id":"1001197568","scope":"store/order/updated","data":{"type":"order","id":272}}'
)
SECRET_HEADER = (b"x-bcifs-key", HOOK_SECRET.encode())


def standard(
    body: bytes = BODY, *, secret: str = CLIENT_SECRET, at: datetime = NOW, message_id: str = "msg-1"
) -> list[tuple[bytes, bytes]]:
    """Headers as the oracle signs them. It reads the moment as UTC whatever its zone."""
    signature = Webhook(secret.encode()).sign(message_id, at, body.decode())
    return [
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(int(at.timestamp())).encode()),
        (b"webhook-signature", signature.encode()),
    ]


def bc(body: bytes = BODY, *, secret: str = CLIENT_SECRET, form: str = "hex") -> list[tuple[bytes, bytes]]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    forms = {"hex": digest.hex().encode(), "HEX": digest.hex().upper().encode(), "base64": b64encode(digest)}
    return [(b"x-bc-signature", forms[form])]


def verdict(headers: list[tuple[bytes, bytes]], body: bytes = BODY, **changes: Any) -> Verified | Refused:
    settings: dict[str, Any] = {
        "client_secrets": [Secret(CLIENT_SECRET)],
        "schemes": tuple(Scheme),
        "hook_secrets": [Secret(HOOK_SECRET)],
        "hook_header": HOOK_HEADER,
        "now": NOW,
        "tolerance_s": 300,
    }
    return verify(headers, body, **(settings | changes))


def refused(kind: str) -> Refused:
    return Refused(RefusalKind(kind))


def test_the_published_vector_verifies() -> None:
    headers = [
        SECRET_HEADER,
        (b"webhook-id", b"0f1b5800def7b505369b08b4a3503a1db2c4b1a6"),
        (b"webhook-timestamp", b"1688588420"),
        (b"webhook-signature", b"v1,ohMNdkK/0BRatTxaAjN7x8orex0ivAkvA/oXXeDo28E="),
    ]
    now = datetime.fromtimestamp(1688588421, UTC)
    assert verdict(headers, now=now) == Verified((Scheme.STANDARD_WEBHOOKS,))


@settings(deadline=None)
@given(st.text(max_size=200), st.text("abc-_0123", min_size=1, max_size=40), st.text(min_size=1, max_size=80))
def test_whatever_the_oracle_signs_verifies(text: str, message_id: str, secret: str) -> None:
    body = text.encode(errors="replace")
    secret = secret.encode(errors="replace").decode()
    headers = [SECRET_HEADER, *standard(body, secret=secret, message_id=message_id)]
    assert isinstance(verdict(headers, body, client_secrets=[Secret(secret)]), Verified)


@settings(deadline=None)
@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused(position: int, change: int) -> None:
    body = bytearray(BODY)
    body[position] ^= change
    assert verdict([SECRET_HEADER, *standard()], bytes(body)) == refused("wrong_signature")
    assert verdict([SECRET_HEADER, *bc()], bytes(body)) == refused("wrong_signature")


@pytest.mark.parametrize("form", ["hex", "HEX", "base64"])
def test_an_x_bc_signature_verifies_in_hex_and_base64(form: str) -> None:
    assert verdict([SECRET_HEADER, *bc(form=form)]) == Verified((Scheme.X_BC_SIGNATURE,))


def test_both_signatures_verify_together() -> None:
    assert verdict([SECRET_HEADER, *standard(), *bc()]) == Verified((Scheme.STANDARD_WEBHOOKS, Scheme.X_BC_SIGNATURE))


def test_every_signature_that_is_present_must_verify() -> None:
    assert verdict([SECRET_HEADER, *standard(), *bc(secret="wrong")]) == refused("wrong_signature")
    assert verdict([SECRET_HEADER, *standard(secret="wrong"), *bc()]) == refused("wrong_signature")


def test_a_scheme_that_is_not_enabled_counts_for_nothing() -> None:
    headers = [SECRET_HEADER, *bc()]
    assert verdict(headers, schemes=["standard_webhooks"]) == refused("missing_signature")
    assert verdict([*headers, *standard()], schemes=["standard_webhooks"]) == Verified((Scheme.STANDARD_WEBHOOKS,))
    assert verdict([SECRET_HEADER, *standard(), *bc(secret="x")], schemes=["standard_webhooks"]) == Verified(
        (Scheme.STANDARD_WEBHOOKS,)
    )


def test_no_signature_at_all_is_refused() -> None:
    assert verdict([SECRET_HEADER]) == refused("missing_signature")


def test_the_secret_header_is_checked_first() -> None:
    assert verdict(standard()) == refused("missing_secret_header")
    assert verdict([(b"x-bcifs-key", b"guess")]) == refused("wrong_secret_header")
    assert verdict([(b"x-bcifs-key", b""), *standard()]) == refused("wrong_secret_header")
    assert verdict([(b"x-bcifs-key", "ü".encode()), *standard()]) == refused("wrong_secret_header")


@pytest.mark.parametrize("index", range(5))
def test_a_header_that_occurs_twice_is_refused_even_with_the_same_value(index: int) -> None:
    headers = [SECRET_HEADER, *standard(), *bc()]
    assert verdict([*headers, headers[index]]) == refused("duplicate_header")


def test_header_names_may_be_in_any_case() -> None:
    headers = [(name.title(), value) for name, value in [SECRET_HEADER, *standard(), *bc()]]
    assert isinstance(verdict(headers), Verified)


@pytest.mark.parametrize(("seconds", "genuine"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_delivery_is_good_within_the_tolerance_on_either_side(seconds: int, genuine: bool) -> None:
    headers = [SECRET_HEADER, *standard(at=NOW + timedelta(seconds=seconds))]
    assert verdict(headers) == (Verified((Scheme.STANDARD_WEBHOOKS,)) if genuine else refused("expired"))


def test_expired_is_said_only_of_genuine_deliveries() -> None:
    headers = [SECRET_HEADER, *standard(secret="wrong", at=NOW - timedelta(days=1))]
    assert verdict(headers) == refused("wrong_signature")


def test_the_tolerance_is_a_setting() -> None:
    headers = [SECRET_HEADER, *standard(at=NOW - timedelta(hours=1))]
    assert isinstance(verdict(headers, tolerance_s=3600), Verified)


@pytest.mark.parametrize("timestamp", [b"soon", b"-5", b"1.5", b"", b"9" * 40, "٣".encode()])
def test_a_timestamp_that_is_no_number_is_malformed(timestamp: bytes) -> None:
    message_id, _, signature = standard()
    headers = [SECRET_HEADER, message_id, (b"webhook-timestamp", timestamp), signature]
    assert verdict(headers) == refused("malformed")


def test_a_signature_without_id_or_timestamp_is_malformed() -> None:
    message_id, timestamp, signature = standard()
    assert verdict([SECRET_HEADER, timestamp, signature]) == refused("malformed")
    assert verdict([SECRET_HEADER, message_id, signature]) == refused("malformed")


def test_an_id_and_timestamp_without_signature_do_not_pass_on_the_other_scheme() -> None:
    message_id, timestamp, _ = standard()
    assert verdict([SECRET_HEADER, message_id, timestamp, *bc()]) == refused("missing_signature")


@pytest.mark.parametrize("value", [b"v2,AAAA", b"v1,", b"v1", b"garbage", b"v1,\xff", b" "])
def test_a_signature_header_without_a_matching_v1_entry_is_refused(value: bytes) -> None:
    message_id, timestamp, _ = standard()
    headers = [SECRET_HEADER, message_id, timestamp, (b"webhook-signature", value)]
    assert verdict(headers) == refused("wrong_signature")


def test_one_matching_entry_among_several_suffices() -> None:
    message_id, timestamp, (name, value) = standard()
    headers = [SECRET_HEADER, message_id, timestamp, (name, b"v1a,xx v1,AAAA " + value)]
    assert isinstance(verdict(headers), Verified)


@pytest.mark.parametrize("value", [b"", b"x" * 64, b"short", b"\xff" * 44])
def test_an_x_bc_signature_that_is_none_is_refused(value: bytes) -> None:
    assert verdict([SECRET_HEADER, (b"x-bc-signature", value)]) == refused("wrong_signature")


def test_the_secrets_of_a_rotation_are_all_accepted() -> None:
    secrets: dict[str, Any] = {
        "client_secrets": [Secret("new"), Secret(CLIENT_SECRET)],
        "hook_secrets": [Secret("new-hook"), Secret(HOOK_SECRET)],
    }
    assert isinstance(verdict([SECRET_HEADER, *standard(), *bc()], **secrets), Verified)
    new = [(b"x-bcifs-key", b"new-hook"), *standard(secret="new"), *bc(secret="new")]
    assert isinstance(verdict(new, **secrets), Verified)


@pytest.mark.parametrize(
    "changes",
    [
        {"schemes": []},
        {"schemes": ["standard_webhooks", "folklore"]},
        {"client_secrets": []},
        {"client_secrets": [Secret("")]},
        {"hook_secrets": []},
        {"hook_secrets": [Secret("")]},
        {"hook_header": ""},
    ],
)
def test_settings_with_which_nothing_is_proven_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationProblem):
        verdict([SECRET_HEADER, *standard()], **changes)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"x-bcifs-key", b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"X-BC-Signature"]
            ),
            st.binary(max_size=80) | st.just(HOOK_SECRET.encode()),
        ),
        max_size=6,
    ),
    st.binary(max_size=50),
)
def test_random_headers_never_verify_and_never_fail(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    assert isinstance(verdict(headers, body), Refused)


def test_a_verifier_does_not_show_its_keys() -> None:
    verifier = Verifier(
        client_secrets=[Secret(CLIENT_SECRET)],
        schemes=tuple(Scheme),
        hook_secrets=[Secret(HOOK_SECRET)],
        hook_header=HOOK_HEADER,
        tolerance_s=300,
    )
    assert HOOK_SECRET not in repr(verifier)
