"""The outbox folder as whoever takes its files away sees it."""

from dataclasses import dataclass
from pathlib import Path

from bcifs_console.ifs import stdvou
from bcifs_console.ifs.outbox import BatchState
from bcifs_console.ifs.stdvou import BadManifest, Manifest, read_manifest


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as it lies in the folder. `manifest` is None where there is none that can be read."""

    name: str
    state: BatchState
    manifest: Manifest | None


def batches(folder: Path) -> list[Batch]:
    """The batches by name."""
    shown = [path for path in folder.iterdir() if path.suffix in (".txt", ".json") and not path.name.startswith(".")]
    return [_batch(folder, name) for name in sorted({path.stem for path in shown if " " not in path.name})]


def _batch(folder: Path, name: str) -> Batch:
    text, told = folder / f"{name}.txt", folder / f"{name}.json"
    if not told.exists():
        return Batch(name, BatchState.PARTIAL, None)
    try:
        manifest = read_manifest(told.read_bytes())
    except BadManifest:
        return Batch(name, BatchState.DAMAGED, None)
    if not text.exists():
        return Batch(name, BatchState.TAKEN, manifest)
    agrees = not stdvou.verify(manifest, text.read_bytes())
    return Batch(name, BatchState.WHOLE if agrees else BatchState.DAMAGED, manifest)
