"""Where things stand in a TOML file: the line of a table or key. `tomllib` reads the file but keeps no positions.

Only for files that `tomllib` has accepted: nothing is checked here, and what is not found has the line of the table it
would stand in.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

Path = tuple[str | int, ...]

_HEADER: Final = re.compile(r"\s*(?P<brackets>\[\[?)\s*(?P<name>[^\[\]]+?)\s*\]")
_KEY: Final = re.compile(
    r"""\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
#: What opens a text, a list or an inline table, or closes the latter two, or begins a comment.
_TOKENS: Final = re.compile(r"\"\"\"|\'\'\'|[\"'#\[\]{}]")
#: What ends a text, by what began it: only in those with double quotes a backslash takes the character behind it.
_ENDINGS: Final = {
    '"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*"""'),
    "'''": re.compile(r"(?:[^']|'(?!''))*'''"),
    '"': re.compile(r'(?:[^\\"]|\\.)*"'),
    "'": re.compile(r"[^']*'"),
}


def lines_of(text: str) -> dict[Path, int]:
    """Line, from 1, of every table, array element and key: `("rules", 2, "when")` → 17."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        header = _HEADER.match(line)
        if header is not None:
            table = _table(_parts(header["name"]), counts, is_array=header["brackets"] == "[[")
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            found.setdefault((*table, *_parts(key["key"])), number)
    return found


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the nearest thing around it; None where not even that is in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


def _table(name: Path, counts: dict[Path, int], *, is_array: bool) -> Path:
    """The full path of a table's header: an array's name stands for its newest element."""
    path: Path = ()
    for part in name[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, name[-1])
    if is_array:
        counts[path] = counts.get(path, 0) + 1
    return (*path, counts[path] - 1) if path in counts else path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines on which a statement begins: not those inside a list, an inline table or a text of several lines."""
    quote, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not quote and depth == 0:
            yield number, line
        quote, depth = _after(line, quote, depth)


def _after(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The text of several lines that is open, if one is, and how many brackets are, at the end of a line."""
    at = 0
    while at < len(line):
        if quote:
            ending = _ENDINGS[quote].match(line, at)
            if ending is None:
                break
            at, quote = ending.end(), ""
            continue
        token = _TOKENS.search(line, at)
        if token is None or token[0] == "#":
            break
        at = token.end()
        if token[0] in _ENDINGS:
            quote = token[0]
        else:
            depth += 1 if token[0] in "[{" else -1
    return (quote if len(quote) > 1 else ""), max(depth, 0)
