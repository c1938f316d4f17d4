"""Lists of names, written as text: a hundred property names one to a line would bury everything else."""

from __future__ import annotations


def words(text: str) -> list[str]:
    return text.split()
