"""Is a webhook delivery really from our store? (DESIGN §5, facts §2.4). Pure: headers and raw body in, a verdict out.

A delivery must carry our own secret header, checked first, and at least one enabled signature; every enabled
signature that is present must verify. Schemes:

* `standard_webhooks`: `webhook-id`, `webhook-timestamp`, `webhook-signature`; HMAC-SHA256 over
  `{id}.{timestamp}.{body}` with the raw client secret as key, as one of several space-separated `v1,<base64>` entries.
* `x_bc_signature`: `X-BC-Signature`; HMAC-SHA256 of the raw body, in hex or base64. Named by the product's brief,
  absent from the official documentation.

The HMAC is our own because the standardwebhooks library fixes its tolerance; that library is the oracle in the tests.
"""

import hmac
from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.base.secret import Secret

#: Headers as ASGI gives them.
Headers = Sequence[tuple[bytes, bytes]]


class Scheme(StrEnum):
    STANDARD_WEBHOOKS = "standard_webhooks"
    X_BC_SIGNATURE = "x_bc_signature"


class RefusalKind(StrEnum):
    """Why a delivery is refused; counted by kind (DESIGN §9)."""

    MISSING_SECRET_HEADER = "missing_secret_header"  # noqa: S105 (a name, no secret)
    WRONG_SECRET_HEADER = "wrong_secret_header"  # noqa: S105 (a name, no secret)
    DUPLICATE_HEADER = "duplicate_header"
    MISSING_SIGNATURE = "missing_signature"
    WRONG_SIGNATURE = "wrong_signature"
    EXPIRED = "expired"  #: signed by our secret, yet sent too long ago or in the future: look at the clocks
    MALFORMED = "malformed"  #: a signature without its id or timestamp, or with one that is no number


@dataclass(frozen=True, slots=True)
class Verified:
    """The delivery is genuine; `schemes` are those that it was signed with."""

    schemes: tuple[Scheme, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The delivery is not to be believed."""

    kind: RefusalKind


_SECRET, _ID, _TIMESTAMP, _SIGNATURE, _BC_SIGNATURE = range(5)
_STANDARD_NAMES: Final = {b"webhook-id": _ID, b"webhook-timestamp": _TIMESTAMP, b"webhook-signature": _SIGNATURE}
_BC_NAME: Final = b"x-bc-signature"

# The verdicts are made once: the listener checks thousands of deliveries a second.
_STANDARD_ONLY: Final = Verified((Scheme.STANDARD_WEBHOOKS,))
_BC_ONLY: Final = Verified((Scheme.X_BC_SIGNATURE,))
_BOTH: Final = Verified((Scheme.STANDARD_WEBHOOKS, Scheme.X_BC_SIGNATURE))
_REFUSED: Final = {kind: Refused(kind) for kind in RefusalKind}

_HEX_LENGTH: Final = 64


class _Keyed(Protocol):
    """An HMAC with its key already taken in, to be copied for each message."""

    def copy(self) -> "_Keyed": ...

    def update(self, msg: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Verifier:
    """The check of one connection, with its keys made ready. Build it once, call `check` for each delivery.

    `client_secrets` and `hook_secrets` are all that are alive during a rotation; each may match. Raises
    ConfigurationProblem where nothing could ever verify or a scheme is unknown, so that a mistake in the settings
    never opens the door.
    """

    __slots__ = ("_hook_secrets", "_keys", "_slots", "_tolerance_s")

    def __init__(
        self,
        *,
        client_secrets: Sequence[Secret],
        schemes: Collection[str],
        hook_secrets: Sequence[Secret],
        hook_header: str,
        tolerance_s: int,
    ) -> None:
        keys = [secret.reveal().encode() for secret in client_secrets if secret]
        self._hook_secrets = tuple(secret.reveal().encode() for secret in hook_secrets if secret)
        unknown = sorted(set(schemes) - set(Scheme))
        if unknown or not schemes or not keys or not self._hook_secrets or not hook_header:
            raise ConfigurationProblem(
                f"Webhook signatures cannot be checked: unknown scheme {', '.join(unknown)}."
                if unknown
                else "Webhook signatures cannot be checked: a scheme, the client secret or the hook secret is missing.",
                remedy=f"signature_schemes takes {' and '.join(Scheme)}; the client secret comes with the API account.",
            )
        self._keys: tuple[_Keyed, ...] = tuple(hmac.new(key, digestmod="sha256") for key in keys)
        self._tolerance_s = tolerance_s
        self._slots = {hook_header.lower().encode("ascii"): _SECRET}
        if Scheme.STANDARD_WEBHOOKS in schemes:
            self._slots |= _STANDARD_NAMES
        if Scheme.X_BC_SIGNATURE in schemes:
            self._slots[_BC_NAME] = _BC_SIGNATURE

    def check(self, headers: Headers, body: bytes, now: datetime) -> Verified | Refused:
        """The verdict on one delivery. `body` is the raw body; header names may be in any case (facts §2.4)."""
        found: list[bytes | None] = [None, None, None, None, None]
        slots = self._slots
        for name, value in headers:
            slot = slots.get(name.lower())
            if slot is None:
                continue
            if found[slot] is not None:
                return _REFUSED[RefusalKind.DUPLICATE_HEADER]
            found[slot] = value

        secret, message_id, timestamp, signature, bc_signature = found
        if secret is None:
            return _REFUSED[RefusalKind.MISSING_SECRET_HEADER]
        if not _any_equal(secret, self._hook_secrets):
            return _REFUSED[RefusalKind.WRONG_SECRET_HEADER]

        is_standard = message_id is not None or timestamp is not None or signature is not None
        if is_standard:
            refusal = self._check_standard(message_id, timestamp, signature, body, now)
            if refusal is not None:
                return _REFUSED[refusal]
        if bc_signature is None:
            return _STANDARD_ONLY if is_standard else _REFUSED[RefusalKind.MISSING_SIGNATURE]
        if not self._is_bc_signature(bc_signature, body):
            return _REFUSED[RefusalKind.WRONG_SIGNATURE]
        return _BOTH if is_standard else _BC_ONLY

    def _check_standard(
        self, message_id: bytes | None, timestamp: bytes | None, signature: bytes | None, body: bytes, now: datetime
    ) -> RefusalKind | None:
        if not signature:
            return RefusalKind.MISSING_SIGNATURE
        if not message_id or not timestamp or not timestamp.isdigit() or len(timestamp) > 12:
            return RefusalKind.MALFORMED
        head = b"%b.%b." % (message_id, timestamp)
        offered = [entry[3:] for entry in signature.split(b" ") if entry.startswith(b"v1,")]
        matches = False
        for key in self._keys:
            mac = key.copy()
            mac.update(head)
            mac.update(body)
            matches |= _any_equal(b64encode(mac.digest()), offered)
        if not matches:
            return RefusalKind.WRONG_SIGNATURE
        # Only now, so that `expired` is said of genuine deliveries alone.
        if abs(now.timestamp() - int(timestamp)) > self._tolerance_s:
            return RefusalKind.EXPIRED
        return None

    def _is_bc_signature(self, offered: bytes, body: bytes) -> bool:
        is_hex = len(offered) == _HEX_LENGTH
        if is_hex:
            offered = offered.lower()
        matches = False
        for key in self._keys:
            mac = key.copy()
            mac.update(body)
            digest = mac.digest()
            matches |= hmac.compare_digest(offered, digest.hex().encode() if is_hex else b64encode(digest))
        return matches


def _any_equal(given: bytes, candidates: Sequence[bytes]) -> bool:
    """Whether `given` is one of `candidates`; all are compared, so that the time taken does not say which."""
    matches = False
    for candidate in candidates:
        matches |= hmac.compare_digest(given, candidate)
    return matches


def verify(
    headers: Headers,
    body: bytes,
    *,
    client_secrets: Sequence[Secret],
    schemes: Collection[str],
    hook_secrets: Sequence[Secret],
    hook_header: str,
    now: datetime,
    tolerance_s: int,
) -> Verified | Refused:
    """One delivery checked on its own; a listener keeps a `Verifier` instead. Raises ConfigurationProblem."""
    verifier = Verifier(
        client_secrets=client_secrets,
        schemes=schemes,
        hook_secrets=hook_secrets,
        hook_header=hook_header,
        tolerance_s=tolerance_s,
    )
    return verifier.check(headers, body, now)
