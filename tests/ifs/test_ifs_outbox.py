"""The outbox: killed at any point it holds only whole files, and each entry once, whoever takes the files away."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.ifs import stdvou
from bcifs_console.ifs.outbox import (
    BatchExists,
    BatchState,
    FileCalls,
    OutboxProblem,
    write_batch,
)
from bcifs_console.ifs.profile import load_profile
from bcifs_console.ifs.stdvou import BatchEntry, Manifest, manifest_of, render
from tests.ifs.outbox_folder import batches

PROFILE = load_profile("default")
MADE_AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here; nothing of the program catches it."""


class KillingCalls(FileCalls):
    """Kills at one moment: before a call, in the middle of a write, or after it. Counts the moments it passes."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.moments = 0
        self.log: list[str] = []

    def _moment(self) -> None:
        self.moments += 1
        if self.moments - 1 == self.at:
            raise Killed

    def _around(self, name: str, call: Callable[[], None]) -> None:
        self._moment()
        call()
        self.log.append(name)
        self._moment()

    def write(self, path: Path, content: bytes) -> None:
        self._moment()
        path.write_bytes(content[: len(content) // 2])
        self._around(f"write {path.name}", lambda: super(KillingCalls, self).write(path, content))

    def rename(self, path: Path, to: Path) -> None:
        self._around(f"rename {to.name}", lambda: super(KillingCalls, self).rename(path, to))

    def unlink(self, path: Path) -> None:
        self._around(f"unlink {path.name}", lambda: super(KillingCalls, self).unlink(path))

    def sync_folder(self, folder: Path) -> None:
        self._around("sync", lambda: super(KillingCalls, self).sync_folder(folder))


Batch = tuple[str, bytes, Manifest]


def batch(draft: VoucherDraft, name: str = "B-1", key: str = "", *, made_at: datetime = MADE_AT) -> Batch:
    entries = [BatchEntry(812, replace(draft, key=key or draft.key), date(2026, 11, 30))]
    content = render(entries, "10", PROFILE)
    return name, content, manifest_of(name, entries, content, company="10", profile=PROFILE, made_at=made_at)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def moments(tmp_path: Path, draft: VoucherDraft) -> Iterator[int]:
    """Every moment at which a writer can be killed."""
    counting = KillingCalls()
    write_batch(tmp_path / "counting", *batch(draft), calls=counting)
    assert counting.moments > 10
    return iter(range(counting.moments))


def test_a_batch_is_handed_over_with_its_manifest_last(outbox: Path, voucher_draft: VoucherDraft) -> None:
    name, content, manifest = batch(voucher_draft)
    calls = KillingCalls()
    assert write_batch(outbox, name, content, manifest, calls) is BatchState.WHOLE
    assert names(outbox) == {"B-1.txt", "B-1.json"}
    assert (outbox / "B-1.txt").read_bytes() == content
    (listed,) = batches(outbox)
    assert (listed.name, listed.state, listed.manifest) == ("B-1", BatchState.WHOLE, manifest)
    assert calls.log[-6:] == [
        "write .B-1.json.part",
        "sync",
        "rename B-1.txt",
        "sync",
        "rename B-1.json",
        "sync",
    ]


def test_killed_at_any_moment_what_bears_a_name_is_whole_and_writing_again_finishes(
    tmp_path: Path, voucher_draft: VoucherDraft
) -> None:
    for at in moments(tmp_path, voucher_draft):
        folder = tmp_path / f"outbox-{at}"
        name, content, manifest = batch(voucher_draft)
        with pytest.raises(Killed):
            write_batch(folder, name, content, manifest, KillingCalls(at))
        for found in batches(folder):
            assert found.state in (BatchState.WHOLE, BatchState.PARTIAL)
            assert (folder / "B-1.txt").read_bytes() == content
        later = batch(voucher_draft, made_at=datetime(2026, 12, 2, tzinfo=UTC))
        assert write_batch(folder, *later) is BatchState.WHOLE
        assert names(folder) == {"B-1.txt", "B-1.json"}
        assert [found.state for found in batches(folder)] == [BatchState.WHOLE]


def test_killed_at_any_moment_a_text_that_was_taken_is_never_written_again(
    tmp_path: Path, voucher_draft: VoucherDraft
) -> None:
    taken = 0
    for at in moments(tmp_path, voucher_draft):
        folder = tmp_path / f"outbox-{at}"
        with pytest.raises(Killed):
            write_batch(folder, *batch(voucher_draft), calls=KillingCalls(at))
        if (folder / "B-1.txt").exists():
            (folder / "B-1.txt").unlink()
            taken += 1
            assert write_batch(folder, *batch(voucher_draft)) is BatchState.TAKEN
            assert not (folder / "B-1.txt").exists()
            assert [found.state for found in batches(folder)] == [BatchState.TAKEN]
        else:
            assert write_batch(folder, *batch(voucher_draft)) is BatchState.WHOLE
    assert taken > 3


def test_killed_at_any_two_moments_the_next_batch_finds_the_outbox_in_order(
    tmp_path: Path, voucher_draft: VoucherDraft
) -> None:
    for first in moments(tmp_path, voucher_draft):
        for second in range(0, 18, 2):
            folder = tmp_path / f"outbox-{first}-{second}"
            with pytest.raises(Killed):
                write_batch(folder, *batch(voucher_draft), calls=KillingCalls(first))
            was_handed_over = (folder / "B-1.txt").exists()
            with contextlib.suppress(Killed):
                write_batch(folder, *batch(voucher_draft, "B-2", "BC-5002/SHIP/1"), calls=KillingCalls(second))
            assert write_batch(folder, *batch(voucher_draft, "B-2", "BC-5002/SHIP/1")) is BatchState.WHOLE
            states = {found.name: found.state for found in batches(folder)}
            assert states == {"B-2": BatchState.WHOLE} | ({"B-1": BatchState.WHOLE} if was_handed_over else {})
            assert not [name for name in names(folder) if name.endswith(".part")]


def test_a_text_without_any_manifest_is_partial_and_gets_one_however_often_it_is_killed(
    tmp_path: Path, voucher_draft: VoucherDraft
) -> None:
    name, content, manifest = batch(voucher_draft)
    for at in range(9):
        folder = tmp_path / f"outbox-{at}"
        folder.mkdir()
        (folder / "B-1.txt").write_bytes(content)
        assert [found.state for found in batches(folder)] == [BatchState.PARTIAL]
        with contextlib.suppress(Killed):
            write_batch(folder, name, content, manifest, KillingCalls(at))
        (folder / "B-1.txt").unlink()
        had_begun = (folder / ".B-1.json.part").exists() or (folder / "B-1.json").exists()
        state = write_batch(folder, name, content, manifest)
        assert state is (BatchState.TAKEN if had_begun else BatchState.WHOLE)


def test_writing_the_same_again_changes_nothing(outbox: Path, voucher_draft: VoucherDraft) -> None:
    write_batch(outbox, *batch(voucher_draft))
    before = {path.name: path.stat().st_mtime_ns for path in outbox.iterdir()}
    later = batch(voucher_draft, made_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert write_batch(outbox, *later) is BatchState.WHOLE
    assert {path.name: path.stat().st_mtime_ns for path in outbox.iterdir()} == before


def test_other_content_under_the_same_name_is_refused(outbox: Path, voucher_draft: VoucherDraft) -> None:
    write_batch(outbox, *batch(voucher_draft))
    before = (outbox / "B-1.txt").read_bytes()
    with pytest.raises(BatchExists, match="other content"):
        write_batch(outbox, *batch(voucher_draft, key="BC-5002/SHIP/1"))
    assert (outbox / "B-1.txt").read_bytes() == before


@pytest.mark.parametrize("has_manifest", [True, False])
def test_a_file_that_somebody_changed_is_told_and_refused(
    outbox: Path, voucher_draft: VoucherDraft, has_manifest: bool
) -> None:
    write_batch(outbox, *batch(voucher_draft))
    (outbox / "B-1.txt").write_bytes(b"changed")
    if has_manifest:
        (found,) = batches(outbox)
        assert found.state is BatchState.DAMAGED
    else:
        (outbox / "B-1.json").unlink()
    with pytest.raises(BatchExists):
        write_batch(outbox, *batch(voucher_draft))


def test_an_entry_of_another_batch_is_refused_even_when_that_one_was_taken(
    outbox: Path, voucher_draft: VoucherDraft
) -> None:
    write_batch(outbox, *batch(voucher_draft))
    (outbox / "B-1.txt").unlink()
    with pytest.raises(BatchExists, match="BC-5001/SHIP/61 stands in batch B-1"):
        write_batch(outbox, *batch(voucher_draft, "B-2"))
    assert names(outbox) == {"B-1.json"}


def test_an_unreadable_manifest_is_damage_and_does_not_stop_other_batches(
    outbox: Path, voucher_draft: VoucherDraft
) -> None:
    write_batch(outbox, *batch(voucher_draft))
    (outbox / "B-1.json").write_bytes(b"{")
    (outbox / "notes.md").write_text("not ours")
    (outbox / "read me.txt").write_text("not ours")
    write_batch(outbox, *batch(voucher_draft, "B-2", "BC-5002/SHIP/1"))
    assert [(found.name, found.state) for found in batches(outbox)] == [
        ("B-1", BatchState.DAMAGED),
        ("B-2", BatchState.WHOLE),
    ]


@pytest.mark.parametrize("name", ["", "../B", "a/b", ".hidden", "a.b", "a" * 101, "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(outbox: Path, voucher_draft: VoucherDraft, name: str) -> None:
    _, content, manifest = batch(voucher_draft)
    with pytest.raises(OutboxProblem, match="cannot name this batch"):
        write_batch(outbox, name, content, replace(manifest, batch=name))
    assert not outbox.exists()


def test_a_manifest_of_something_else_is_refused(outbox: Path, voucher_draft: VoucherDraft) -> None:
    name, content, manifest = batch(voucher_draft)
    with pytest.raises(OutboxProblem, match="does not fit"):
        write_batch(outbox, name, content + b"x", manifest)
    with pytest.raises(OutboxProblem, match="cannot name"):
        write_batch(outbox, "B-9", content, manifest)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, voucher_draft: VoucherDraft) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "no" / "parent"):
        with pytest.raises(OutboxProblem, match="cannot be written"):
            write_batch(folder, *batch(voucher_draft))


def test_writers_take_turns(outbox: Path, voucher_draft: VoucherDraft) -> None:
    def write(number: int) -> BatchState:
        return write_batch(outbox, *batch(voucher_draft, f"B-{number % 3}", f"BC-{number % 3}/PAY/1"))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(write, range(30))) == {BatchState.WHOLE}
    assert [found.state for found in batches(outbox)] == [BatchState.WHOLE] * 3
    assert all(
        stdvou.verify(found.manifest, (outbox / f"{found.name}.txt").read_bytes()) == ()
        for found in batches(outbox)
        if found.manifest
    )
