"""Vouchers by file: batches drawn up in the store, written to the outbox folder, never an entry in two of them.

First the store fixes which vouchers a batch holds, in one transaction; then the file is made of them, the same bytes
however often; then they are confirmed. A crash in between is finished from the store's record.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from bcifs_console.domain.codec import decode_voucher
from bcifs_console.domain.documents import LedgerDocument
from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.ifs import stdvou
from bcifs_console.ifs.outbox import FileCalls, OutboxProblem, write_batch
from bcifs_console.ifs.stdvou import BatchEntry
from bcifs_console.store import books
from bcifs_console.store.books import BatchState, VoucherBatch
from bcifs_console.store.database import Tx
from bcifs_console.sync.runtime import Runtime

#: Vouchers of one file: what a person can still look through.
BATCH_SIZE: Final = 500
_log = structlog.get_logger(__name__)


def outbox_folder(home: Path, connection: str) -> Path:
    """Where the batch files of a connection are put."""
    return home / "outbox" / connection


async def flush(runtime: Runtime, home: Path) -> list[str]:
    """Write every voucher that waits for a file, and finish files broken off. Answers with the files' names.

    Raises OutboxProblem where the folder cannot take them, and store errors.
    """
    database = runtime.database
    broken_off = await database.read(lambda conn: books.batches(conn, runtime.id, BatchState.ASSIGNED))
    written = [await _write(runtime, home, batch) for batch in broken_off]
    if runtime.policy.voucher_transport is not VoucherTransport.EXTERNAL_FILE:
        return written  # another transport was chosen since: what stands in a batch went this way
    while (batch := await database.write(_assign(runtime))) is not None:
        written.append(await _write(runtime, home, batch))
    return written


def _assign(runtime: Runtime) -> Callable[[Tx], VoucherBatch | None]:
    return lambda tx: books.assign_batch(tx, runtime.id, limit=BATCH_SIZE)


async def _write(runtime: Runtime, home: Path, batch: VoucherBatch) -> str:
    documents = await runtime.database.read(lambda conn: books.of_batch(conn, runtime.id, batch.number))
    name = f"STDVOU-{runtime.id}-{batch.number:06d}"
    entries = [entry_of(document) for document in documents]
    company, profile = runtime.connection.ifs.company, runtime.ifs.profile
    content = await asyncio.to_thread(stdvou.render, entries, company, profile)
    manifest = stdvou.manifest_of(name, entries, content, company=company, profile=profile, made_at=batch.made_at)
    folder = outbox_folder(home, runtime.connection.name)
    await asyncio.to_thread(_make, folder)
    await asyncio.to_thread(write_batch, folder, name, content, manifest)
    await runtime.database.write(
        lambda tx: books.batch_written(tx, runtime.id, batch.number, file_name=name, sha256=manifest.sha256)
    )
    _log.info("batch_written", connection=runtime.connection.name, batch=name, vouchers=len(entries))
    return name


def _make(folder: Path) -> None:
    """Make the connection's folder in a home where it is new, durably: no batch may vanish with its folder."""
    try:
        for each in (folder.parent, folder):
            if not each.is_dir():
                each.mkdir(mode=0o750, exist_ok=True)
                FileCalls().sync_folder(each.parent)
    except OSError as error:
        raise OutboxProblem(
            f"The outbox {folder} cannot be made: {error.strerror or error}.",
            remedy="Check that the installation's home is there, that its disk has room, and who may write there.",
        ) from error


def entry_of(document: LedgerDocument) -> BatchEntry:
    """A voucher of the ledger as an entry of a batch file."""
    draft = decode_voucher(document.draft)
    return BatchEntry(document.id, draft, document.day or draft.day)
