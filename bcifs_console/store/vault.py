"""The vault: secrets sealed with AES-256-GCM, a data key for each connection, wrapped by one master key.

An envelope is `v1.KEYID.BASE64(nonce ‖ ciphertext)`. Connection and field are associated data, so an envelope moved to
another row does not open (DESIGN §14; ASVS 11.3). Losing the master key loses the secrets, never the books.
"""

import base64
import contextlib
import hashlib
import os
import secrets as random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, delete, select

from bcifs_console.base.secret import Secret
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import VaultProblem
from bcifs_console.store.tables import secret as secret_table

_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_DATA_KEY: Final = "data_key"
ENVIRONMENT_NAME: Final = "BCIFS_MASTER_KEY"
_CREDENTIAL_NAME: Final = "bcifs-master-key"


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """The key that wraps the data keys. `source` tells people where it came from."""

    material: bytes
    source: str

    @property
    def key_id(self) -> str:
        return _key_id(self.material)

    def __repr__(self) -> str:
        return f"MasterKey(key_id={self.key_id!r}, source={self.source!r})"


def new_master_key() -> str:
    """A fresh random master key in the text form that files and the environment hold."""
    return base64.urlsafe_b64encode(random.token_bytes(_KEY_BYTES)).decode()


def load_master_key(home: Path, environment: Mapping[str, str] | None = None, *, may_create: bool = True) -> MasterKey:
    """The master key, first that exists: environment, systemd credential, `home`/master.key (made at first use, 0600).

    `may_create` is false where secrets are sealed already: a lost key is restored, never replaced (DESIGN §14).
    Raises VaultProblem where there is none, the text is no 32-byte key or the file may be read by others.
    """
    environ = os.environ if environment is None else environment
    if text := environ.get(ENVIRONMENT_NAME):
        return MasterKey(_decode(text, ENVIRONMENT_NAME), f"environment {ENVIRONMENT_NAME}")
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / _CREDENTIAL_NAME
        if credential.exists():
            return MasterKey(_decode(_text_of(credential), str(credential)), f"systemd credential {_CREDENTIAL_NAME}")
    return _from_file(home / "master.key", may_create=may_create)


def _from_file(path: Path, *, may_create: bool) -> MasterKey:
    if not path.exists():
        if not may_create:
            raise VaultProblem(
                f"There is no master key: {path} is missing, and this installation has sealed secrets.",
                remedy=f"Restore the key this installation was set up with to {path}, or set {ENVIRONMENT_NAME}.",
            )
        _make_file(path)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise VaultProblem(
            f"The master key {path} may be read by others (mode {mode:04o}).", remedy=f"Run: chmod 600 {path}"
        )
    return MasterKey(_decode(_text_of(path), str(path)), f"file {path}")


def _make_file(path: Path) -> None:
    """Write a new key under another name, then link it: whoever sees the file sees it whole, and the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = tempfile.mkstemp(prefix=".master.key.", dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(new_master_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process of ours made it first; theirs is read
            Path(path).hardlink_to(draft)
    finally:
        Path(draft).unlink()


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("ascii", "replace")


def _decode(text: str, source: str) -> bytes:
    candidate = text.strip()
    try:
        is_hex = len(candidate) == _KEY_BYTES * 2
        material = bytes.fromhex(candidate) if is_hex else base64.urlsafe_b64decode(candidate)
    except ValueError:
        material = b""
    if len(material) != _KEY_BYTES:
        raise VaultProblem(
            f"The master key in {source} is not 32 bytes of base64 or hex.",
            remedy="Restore the key this installation was set up with.",
        )
    return material


def _key_id(material: bytes) -> str:
    return hashlib.sha256(b"bcifs key id" + material).hexdigest()[:8]


class Vault:
    """Seals and opens the secrets of connections."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    @property
    def master(self) -> MasterKey:
        return self._master

    def put(self, tx: Tx, connection_id: int, field: str, value: Secret) -> None:
        """Seal `value` and store it as the connection's `field`, replacing what was there."""
        data_key = self._data_key(tx.conn, connection_id) or self._make_data_key(tx, connection_id)
        envelope = _seal(data_key, _associated(connection_id, field), value.reveal().encode())
        _store(tx, connection_id, field, envelope)

    def get(self, conn: Connection, connection_id: int, field: str) -> Secret | None:
        """The secret, or None where there is none. Raises VaultProblem where it does not open."""
        envelope = _fetch(conn, connection_id, field)
        if envelope is None:
            return None
        data_key = self._data_key(conn, connection_id)
        if data_key is None:
            raise VaultProblem(
                f"Connection {connection_id} has secrets but no data key.", remedy="Restore the database backup."
            )
        return Secret(_open(data_key, _associated(connection_id, field), envelope).decode())

    def erase(self, tx: Tx, connection_id: int) -> None:
        """Delete every secret of the connection, its data key included: nothing of it can be opened again."""
        tx.conn.execute(delete(secret_table).where(secret_table.c.connection_id == connection_id))

    def check(self, conn: Connection) -> None:
        """Raise VaultProblem unless this master key opens every data key: a wrong key refuses to start."""
        rows = conn.execute(select(secret_table.c.connection_id).where(secret_table.c.field == _DATA_KEY))
        for (connection_id,) in rows.all():
            self._data_key(conn, connection_id)

    @staticmethod
    def has_secrets(conn: Connection) -> bool:
        """Whether anything is sealed in this database."""
        return conn.execute(select(secret_table.c.field).limit(1)).first() is not None

    def _data_key(self, conn: Connection, connection_id: int) -> bytes | None:
        envelope = _fetch(conn, connection_id, _DATA_KEY)
        if envelope is None:
            return None
        return _open(self._master.material, _associated(connection_id, _DATA_KEY), envelope)

    def _make_data_key(self, tx: Tx, connection_id: int) -> bytes:
        data_key = random.token_bytes(_KEY_BYTES)
        _store(
            tx,
            connection_id,
            _DATA_KEY,
            _seal(self._master.material, _associated(connection_id, _DATA_KEY), data_key),
        )
        return data_key


def _associated(connection_id: int, field: str) -> bytes:
    return f"bcifs:{connection_id}:{field}".encode()


def _seal(key: bytes, associated: bytes, plain: bytes) -> str:
    nonce = random.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, associated)
    return f"{_VERSION}.{_key_id(key)}.{base64.b64encode(sealed).decode()}"


def _open(key: bytes, associated: bytes, envelope: str) -> bytes:
    version, _, rest = envelope.partition(".")
    key_id, _, body = rest.partition(".")
    if version != _VERSION:
        raise VaultProblem(f"A secret is sealed in form {version!r}.", remedy="Install the release that wrote it.")
    if key_id != _key_id(key):
        raise VaultProblem(
            f"A secret was sealed with key {key_id}, the key at hand is {_key_id(key)}.",
            remedy="Start with the master key this installation was set up with; nothing was changed.",
        )
    try:
        sealed = base64.b64decode(body, validate=True)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError) as error:  # ValueError: no base64, or too short to be sealed
        raise VaultProblem(
            "A secret does not open: it was moved or altered.", remedy="Restore it, or set it anew."
        ) from error


def _fetch(conn: Connection, connection_id: int, field: str) -> str | None:
    row = conn.execute(
        select(secret_table.c.envelope).where(
            secret_table.c.connection_id == connection_id, secret_table.c.field == field
        )
    ).first()
    return None if row is None else str(row[0])


def _store(tx: Tx, connection_id: int, field: str, envelope: str) -> None:
    tx.conn.execute(
        delete(secret_table).where(secret_table.c.connection_id == connection_id, secret_table.c.field == field)
    )
    tx.conn.execute(
        secret_table.insert().values(connection_id=connection_id, field=field, envelope=envelope, updated_at=tx.now)
    )
