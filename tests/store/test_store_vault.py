"""The vault: what is sealed opens with its own key at its own place, and nowhere else; the key itself is guarded."""

import base64
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.secret import Secret
from bcifs_console.base.settings import Settings
from bcifs_console.store.database import Database
from bcifs_console.store.errors import HomeInUse, VaultProblem
from bcifs_console.store.opening import home_lock, open_store
from bcifs_console.store.tables import secret as secret_table
from bcifs_console.store.vault import ENVIRONMENT_NAME, MasterKey, Vault, load_master_key, new_master_key

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

PLANTED = "planted-secret-ümlaut-🙂"


def put(bench: "Bench", vault: Vault, field: str = "field", text: str = PLANTED, connection_id: int = 0) -> None:
    bench.database.write_sync(lambda tx: vault.put(tx, connection_id or bench.connection_id, field, Secret(text)))


def get(bench: "Bench", vault: Vault, field: str = "field", connection_id: int = 0) -> Secret | None:
    return bench.database.read_sync(lambda conn: vault.get(conn, connection_id or bench.connection_id, field))


def envelopes(bench: "Bench") -> dict[tuple[int, str], str]:
    rows = bench.database.read_sync(lambda conn: conn.execute(select(secret_table)).all())
    return {(row.connection_id, row.field): row.envelope for row in rows}


def set_envelope(bench: "Bench", field: str, envelope: str, connection_id: int = 0) -> None:
    where = secret_table.c.connection_id == (connection_id or bench.connection_id), secret_table.c.field == field
    bench.database.write_sync(lambda tx: tx.conn.execute(update(secret_table).where(*where).values(envelope=envelope)))


# -- sealing -----------------------------------------------------------------------------------------------------------


def test_a_secret_comes_back_as_it_went_in(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    assert get(bench, vault) == Secret(PLANTED)
    put(bench, vault, text="another")
    assert get(bench, vault) == Secret("another")
    assert get(bench, vault, "no such field") is None
    assert get(bench, vault, connection_id=999) is None


def test_nothing_of_the_secret_is_in_the_database(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    for envelope in envelopes(bench).values():
        version, key_id, body = envelope.split(".")
        assert (version, len(key_id)) == ("v1", 8)
        assert b"planted" not in base64.b64decode(body)


def test_the_same_secret_sealed_twice_looks_different(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    first = envelopes(bench)[(bench.connection_id, "field")]
    put(bench, vault)
    assert envelopes(bench)[(bench.connection_id, "field")] != first


def test_each_connection_has_a_data_key_of_its_own(
    bench: "Bench", vault: Vault, add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    put(bench, vault)
    put(bench, vault, connection_id=other)
    sealed = envelopes(bench)
    assert sealed[(bench.connection_id, "field")].split(".")[1] != sealed[(other, "field")].split(".")[1]


def test_an_envelope_moved_to_another_field_does_not_open(bench: "Bench", vault: Vault) -> None:
    put(bench, vault, "a")
    put(bench, vault, "b", "harmless")
    set_envelope(bench, "b", envelopes(bench)[(bench.connection_id, "a")])
    with pytest.raises(VaultProblem):
        get(bench, vault, "b")


def test_envelopes_moved_to_another_connection_do_not_open(
    bench: "Bench", vault: Vault, add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    put(bench, vault, "a")
    put(bench, vault, "a", connection_id=other)
    for field in ("a", "data_key"):  # with its data key, which is bound to its place as well
        set_envelope(bench, field, envelopes(bench)[(bench.connection_id, field)], other)
        with pytest.raises(VaultProblem):
            get(bench, vault, "a", other)


def test_a_changed_bit_anywhere_does_not_open(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    version, key_id, body = envelopes(bench)[(bench.connection_id, "field")].split(".")
    sealed = base64.b64decode(body)
    for place in (0, 11, 12, len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        set_envelope(bench, "field", f"{version}.{key_id}.{base64.b64encode(bytes(changed)).decode()}")
        with pytest.raises(VaultProblem):
            get(bench, vault)


def test_an_envelope_with_anything_added_does_not_open(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    whole = envelopes(bench)[(bench.connection_id, "field")]
    for changed in (whole[:-8] + "!" + whole[-8:], whole + "\n", " " + whole, whole + whole):
        set_envelope(bench, "field", changed)
        with pytest.raises(VaultProblem):
            get(bench, vault)


@pytest.mark.parametrize(
    "form", ["", "v1", "v1.{id}", "v1.{id}.", "v1.{id}.AAAA", "v1.{id}.no base64!", "v2.{id}.AAAA"]
)
def test_an_envelope_that_is_none_is_a_typed_problem(bench: "Bench", vault: Vault, form: str) -> None:
    put(bench, vault)
    key_id = envelopes(bench)[(bench.connection_id, "field")].split(".")[1]
    set_envelope(bench, "field", form.format(id=key_id))
    with pytest.raises(VaultProblem):
        get(bench, vault)


def test_a_secret_without_its_data_key_says_what_to_do(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    bench.database.write_sync(
        lambda tx: tx.conn.execute(secret_table.delete().where(secret_table.c.field == "data_key"))
    )
    with pytest.raises(VaultProblem) as caught:
        get(bench, vault)
    assert "backup" in caught.value.remedy


def test_what_is_erased_is_gone_with_its_key(bench: "Bench", vault: Vault, add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.database.write_sync(lambda tx: vault.erase(tx, bench.connection_id))
    assert {connection_id for connection_id, _ in envelopes(bench)} == {other}


def test_a_wrong_master_key_refuses_and_says_what_to_do(bench: "Bench", vault: Vault) -> None:
    put(bench, vault)
    before = envelopes(bench)
    bench.database.read_sync(vault.check)
    wrong = Vault(MasterKey(b"\x07" * 32, "test"))
    for attempt in (wrong.check, lambda conn: wrong.get(conn, bench.connection_id, "field")):
        with pytest.raises(VaultProblem) as caught:
            bench.database.read_sync(attempt)
        assert "master key this installation was set up with" in caught.value.remedy
    with pytest.raises(VaultProblem):
        put(bench, wrong)
    assert envelopes(bench) == before


def test_any_master_key_fits_an_empty_vault(sqlite_database: Database, vault: Vault) -> None:
    sqlite_database.read_sync(vault.check)
    assert not sqlite_database.read_sync(Vault.has_secrets)


def test_a_vault_with_secrets_says_so(bench: "Bench") -> None:
    assert bench.database.read_sync(Vault.has_secrets)


# -- the master key ----------------------------------------------------------------------------------------------------


def test_the_key_file_is_made_at_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_master_key(tmp_path / "home", {})
    path = tmp_path / "home" / "master.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]
    assert load_master_key(tmp_path / "home", {}) == first
    assert first.source == f"file {path}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(tmp_path, {})
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(VaultProblem) as caught:
        load_master_key(tmp_path, {})
    assert caught.value.remedy == f"Run: chmod 600 {tmp_path / 'master.key'}"


def test_a_missing_key_is_never_replaced_where_secrets_are_sealed(tmp_path: Path) -> None:
    with pytest.raises(VaultProblem) as caught:
        load_master_key(tmp_path, {}, may_create=False)
    assert "Restore" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    together = threading.Barrier(4)
    keys: list[MasterKey | Exception] = []

    def start() -> None:
        together.wait(10)
        try:
            keys.append(load_master_key(tmp_path, {}))
        except VaultProblem as problem:
            keys.append(problem)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({key.material if isinstance(key, MasterKey) else repr(key) for key in keys}) == 1
    assert len(keys) == 4


def test_the_environment_comes_before_the_credential_and_that_before_the_file(tmp_path: Path) -> None:
    texts = {name: new_master_key() for name in ("environment", "credential", "file")}
    (tmp_path / "master.key").write_text(texts["file"])
    (tmp_path / "master.key").chmod(0o600)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    environment = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert base64.urlsafe_b64decode(texts["file"]) == load_master_key(tmp_path, environment).material
    (credentials / "bcifs-master-key").write_text(texts["credential"] + "\n")
    assert base64.urlsafe_b64decode(texts["credential"]) == load_master_key(tmp_path, environment).material
    environment[ENVIRONMENT_NAME] = texts["environment"]
    loaded = load_master_key(tmp_path, environment)
    assert base64.urlsafe_b64decode(texts["environment"]) == loaded.material
    assert loaded.source == "environment BCIFS_MASTER_KEY"


def test_a_key_may_be_written_in_hex(tmp_path: Path) -> None:
    assert load_master_key(tmp_path, {ENVIRONMENT_NAME: "0f" * 32}).material == b"\x0f" * 32


@pytest.mark.parametrize("text", ["short", "a" * 43, "ä" * 44, "0g" * 32, base64.b64encode(b"x" * 31).decode()])
def test_a_text_that_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(VaultProblem) as caught:
        load_master_key(tmp_path, {ENVIRONMENT_NAME: text})
    assert text not in str(caught.value)
    assert "Restore the key" in caught.value.remedy


def test_a_key_file_that_holds_no_text_is_a_typed_problem(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"\xff\xfe\x00" * 11)
    (tmp_path / "master.key").chmod(0o600)
    with pytest.raises(VaultProblem):
        load_master_key(tmp_path, {})


def test_new_keys_are_random() -> None:
    keys = {new_master_key() for _ in range(10)}
    assert len(keys) == 10
    assert all(len(base64.urlsafe_b64decode(key)) == 32 for key in keys)


# -- nothing shows a secret --------------------------------------------------------------------------------------------


def test_no_repr_and_no_traceback_shows_a_key_or_a_secret(bench: "Bench", vault: Vault) -> None:
    master = MasterKey(b"planted-secret-of-32-bytes-long!", "test")
    shown = [repr(master), str(master), repr(Vault(master)), repr(vault), repr(Secret(PLANTED)), f"{Secret(PLANTED)}"]
    put(bench, vault)
    set_envelope(bench, "field", "v1.00000000.AAAA")
    try:
        get(bench, vault)
    except VaultProblem as problem:
        shown.append("".join(traceback.format_exception(problem)))
    assert len(shown) == 7
    for text in shown:
        assert "planted" not in text
        assert "70 6c" not in text


def test_a_refused_statement_does_not_show_what_it_would_have_written(bench: "Bench") -> None:
    """SQLAlchemy's errors name the parameters unless told not to; they end up in tracebacks."""
    row = {"connection_id": 999, "field": "f", "envelope": "planted-envelope"}
    try:
        bench.database.write_sync(lambda tx: tx.conn.execute(secret_table.insert().values(updated_at=tx.now, **row)))
    except Exception as error:  # noqa: BLE001 - its text is what the test looks at
        text = "".join(traceback.format_exception(error))
    assert "foreign key" in text.casefold()
    assert "planted" not in text


# -- opening an installation -------------------------------------------------------------------------------------------


def open_home(home: Path, clock: ManualClock) -> None:
    store = open_store(Settings(home=home, database_url=""), clock)
    store.database.write_sync(lambda tx: None)
    store.close()


def test_a_new_home_opens_and_opens_again(tmp_path: Path, clock: ManualClock) -> None:
    open_home(tmp_path / "home", clock)
    key = (tmp_path / "home" / "master.key").read_text()
    open_home(tmp_path / "home", clock)
    assert (tmp_path / "home" / "master.key").read_text() == key


def test_a_home_with_secrets_and_a_lost_key_refuses_to_open_and_makes_no_new_key(
    tmp_path: Path, clock: ManualClock, vault: Vault, add_connection: "AddConnection"
) -> None:
    store = open_store(Settings(home=tmp_path, database_url=""), clock)
    add_connection(store.database)
    store.close()
    (tmp_path / "master.key").unlink()
    with pytest.raises(VaultProblem):
        open_store(Settings(home=tmp_path, database_url=""), clock)
    assert not (tmp_path / "master.key").exists()


def test_a_home_with_another_key_refuses_to_open(
    tmp_path: Path, clock: ManualClock, vault: Vault, add_connection: "AddConnection"
) -> None:
    store = open_store(Settings(home=tmp_path, database_url=""), clock)
    add_connection(store.database)  # sealed by the test's vault, not by the home's key
    store.close()
    with pytest.raises(VaultProblem, match="sealed with key"):
        open_store(Settings(home=tmp_path, database_url=""), clock)


def test_a_home_has_one_worker(tmp_path: Path) -> None:
    with home_lock(tmp_path), pytest.raises(HomeInUse), home_lock(tmp_path):
        pass
    with home_lock(tmp_path):
        pass


def test_the_planted_secrets_of_a_connection_are_nowhere_in_the_file(
    sqlite_database: Database, sqlite_url: str, add_connection: "AddConnection"
) -> None:
    add_connection(sqlite_database)
    sqlite_database.close()
    for path in Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("bcifs.db*"):
        assert b"planted-" not in path.read_bytes()
