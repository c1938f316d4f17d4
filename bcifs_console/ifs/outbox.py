"""The outbox folder: batch files for IFS, each with its manifest, never half-written, never an entry in two of them.

A batch is `NAME.txt` and, written last, `NAME.json`. Both are first made whole under names that nobody picks up, then
renamed, the text before the manifest. So whatever the moment of a crash, what bears a real name is whole; and a
manifest still under its first name, its text gone from there, proves that the text was handed over, even if IFS has
taken it away already. What stands in the files is `stdvou.py`'s.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.ifs import stdvou
from bcifs_console.ifs.stdvou import BadManifest, Manifest, read_manifest

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_TEXT: Final = ".txt"
_MANIFEST: Final = ".json"
_UNFINISHED: Final = ".part"
_LOCK: Final = ".lock"


class OutboxProblem(Problem):
    """The outbox cannot take the batch."""

    kind = ProblemKind.CONFIGURATION


class BatchExists(OutboxProblem):
    """A batch of that name holds something else, or another batch holds one of the entries."""

    kind = ProblemKind.DUPLICATE


class BatchState(StrEnum):
    WHOLE = "whole"  #: text and manifest, which agree
    PARTIAL = "partial"  #: a whole text whose manifest is not written yet: write the batch again
    TAKEN = "taken"  #: the manifest alone: IFS, or somebody, took the text away
    DAMAGED = "damaged"  #: text and manifest do not agree


class FileCalls:
    """The calls that change the folder. Tests put themselves between them."""

    def write(self, path: Path, content: bytes) -> None:
        """Make the file with that content, on disk when this returns."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, path: Path, to: Path) -> None:
        path.rename(to)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's names durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_batch(
    folder: Path, name: str, content: bytes, manifest: Manifest, calls: FileCalls | None = None
) -> BatchState:
    """Hand a batch over; answers WHOLE, or TAKEN where its text is gone from the folder already.

    Writing the same content again does no harm and changes nothing, after a crash it finishes the work. Raises
    BatchExists where the name holds other content or another batch holds one of the entries, OutboxProblem where
    the name or the folder is of no use or the manifest is not this content's.
    """
    if _NAME.fullmatch(name) is None or manifest.batch != name:
        raise OutboxProblem(f"{name!r} cannot name this batch.", remedy="Use letters, digits, - and _.")
    if faults := stdvou.verify(manifest, content):
        raise OutboxProblem(f"The manifest of batch {name} does not fit its text: {'; '.join(faults)}.")
    calls = calls or FileCalls()
    with _only_writer(folder):
        _settle(folder, calls)
        state = _already(folder, name, manifest)
        if state is BatchState.PARTIAL:
            _finish(folder, name, manifest, calls)
            state, _ = _read(folder, name)
        elif state is None:
            _entries_are_new(folder, manifest)
            _hand_over(folder, name, content, manifest, calls)
            state = BatchState.WHOLE
    return state


def _read(folder: Path, name: str) -> tuple[BatchState, Manifest | None]:
    """How the batch lies in the folder; without a manifest where it is partial or the manifest cannot be read."""
    text, manifest_bytes = _content(folder / f"{name}{_TEXT}"), _content(folder / f"{name}{_MANIFEST}")
    if manifest_bytes is None:
        return BatchState.PARTIAL, None
    try:
        manifest = read_manifest(manifest_bytes)
    except BadManifest:
        return BatchState.DAMAGED, None
    if text is None:
        return BatchState.TAKEN, manifest
    return BatchState.DAMAGED if stdvou.verify(manifest, text) else BatchState.WHOLE, manifest


def _already(folder: Path, name: str, manifest: Manifest) -> BatchState | None:
    """What of the batch is in the folder; None where nothing is. Raises BatchExists where it is another one."""
    text = _content(folder / f"{name}{_TEXT}")
    state, found = _read(folder, name)
    if state is BatchState.PARTIAL:
        if text is None:
            return BatchState.PARTIAL if _unfinished(folder, name, _MANIFEST).exists() else None
        if not stdvou.verify(manifest, text):
            return BatchState.PARTIAL
    elif found and found.sha256 == manifest.sha256 and state is not BatchState.DAMAGED:
        return state
    raise BatchExists(
        f"The outbox {folder} has a batch {name} already, with other content.",
        remedy="Look at both in the folder: somebody changed the file, or two installations share the folder.",
    )


def _entries_are_new(folder: Path, manifest: Manifest) -> None:
    for path in sorted(folder.glob(f"[!.]*{_MANIFEST}")):
        other = _manifest(path)
        if other is not None and (shared := manifest.keys & other.keys):
            raise BatchExists(
                f"The voucher {min(shared)} stands in batch {other.batch} already.",
                remedy="Nothing was written. Two installations may share the folder, or the ledger was restored.",
            )


def _hand_over(folder: Path, name: str, content: bytes, manifest: Manifest, calls: FileCalls) -> None:
    calls.write(_unfinished(folder, name, _TEXT), content)
    calls.write(_unfinished(folder, name, _MANIFEST), manifest.to_json())
    calls.sync_folder(folder)  # both are there for certain before the text can be picked up
    calls.rename(_unfinished(folder, name, _TEXT), folder / f"{name}{_TEXT}")
    calls.sync_folder(folder)
    calls.rename(_unfinished(folder, name, _MANIFEST), folder / f"{name}{_MANIFEST}")
    calls.sync_folder(folder)


def _finish(folder: Path, name: str, manifest: Manifest, calls: FileCalls) -> None:
    """Give a handed-over text its manifest, where the unfinished one was lost."""
    calls.write(_unfinished(folder, name, _MANIFEST), manifest.to_json())
    calls.rename(_unfinished(folder, name, _MANIFEST), folder / f"{name}{_MANIFEST}")
    calls.sync_folder(folder)


def _settle(folder: Path, calls: FileCalls) -> None:
    """Deal with what a killed writer left: finish what was handed over, remove what was not.

    The manifest goes before the text, or a crash here would make a text look handed over that never was.
    """
    for part in sorted(folder.glob(f".*{_MANIFEST}{_UNFINISHED}")):
        name = part.name.removeprefix(".").removesuffix(f"{_MANIFEST}{_UNFINISHED}")
        if _unfinished(folder, name, _TEXT).exists() or (folder / f"{name}{_MANIFEST}").exists():
            calls.unlink(part)
        elif _manifest(part) is not None:
            calls.rename(part, folder / f"{name}{_MANIFEST}")
        # else `_finish` was killed over it: it stays as the proof that the text was handed over
    calls.sync_folder(folder)
    for part in sorted(folder.glob(f".*{_TEXT}{_UNFINISHED}")):
        calls.unlink(part)


def _manifest(path: Path) -> Manifest | None:
    """The manifest in a file, None where the file holds none."""
    try:
        return read_manifest(path.read_bytes())
    except BadManifest:
        return None


def _unfinished(folder: Path, name: str, suffix: str) -> Path:
    return folder / f".{name}{suffix}{_UNFINISHED}"


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Keep other writers out; waits for the one at work, which takes milliseconds."""
    try:
        folder.mkdir(exist_ok=True, mode=0o750)
        with (folder / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise OutboxProblem(
            f"The outbox {folder} cannot be written: {error.strerror or error}.",
            remedy="Check that the folder's parent exists, that the disk has room, and who may write there.",
        ) from error
