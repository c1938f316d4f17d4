"""What no screen may do: hand outside text over as markup; and what no other command may import."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcifs_console.console as package

_FOLDER = Path(package.__file__).parent
#: What takes a str for markup; an f-string in it is where a buyer's name becomes a command or a crash (tui.md C.6).
_MARKUP = frozenset({"Static", "Label", "Button", "Option", "Tab", "TabPane", "update", "notify", "set_options"})


def _offences(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        is_safe = any(k.arg == "markup" and getattr(k.value, "value", None) is False for k in node.keywords)
        if name in _MARKUP and not is_safe and any(_is_built(argument) for argument in node.args):
            yield node.lineno


def _is_built(argument: ast.expr) -> bool:
    """An f-string, or text put together with + or %, or str(...) of something."""
    if isinstance(argument, ast.BinOp):
        return _is_text(argument.left) or _is_text(argument.right)
    if isinstance(argument, ast.Call):
        return getattr(argument.func, "id", "") == "str" or getattr(argument.func, "attr", "") in ("join", "format")
    return isinstance(argument, ast.JoinedStr)


def _is_text(side: ast.expr) -> bool:
    return isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))


def test_no_widget_is_given_built_text_as_markup() -> None:
    found = [
        f"{path.relative_to(_FOLDER)}:{line}"
        for path in sorted(_FOLDER.rglob("*.py"))
        for line in _offences(path.read_text(encoding="utf-8"))
        # Content's own join makes Content
        if "Content(" not in path.read_text(encoding="utf-8").splitlines()[line - 1]
    ]
    assert found == []


def test_the_lint_finds_what_it_is_for() -> None:
    source = 'Static(f"{name}")\nself.notify("a" + name)\nlabel.update(str(x))\nStatic(Content(f"{name}"))\n'
    assert list(_offences(source)) == [1, 2, 3]
    assert list(_offences('self.notify(f"{name}", markup=False)')) == []


def test_what_is_said_by_the_way_has_one_colour() -> None:
    paths = [path for path in sorted(_FOLDER.rglob("*.py")) if path.name not in ("themes.py", "lines.py")]
    found = [path.name for path in paths if re.search(r'"\$(text|foreground)-muted"', path.read_text(encoding="utf-8"))]
    assert found == [], "it is called lines.DIM"


def _imported(code: str) -> set[str]:
    """The packages that are loaded after running the code in a process of its own."""
    told = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{told}"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_version_is_told_before_anything_heavy_is_imported() -> None:
    code = "import sys; sys.argv = ['bcifs', '--version']; from bcifs_console.__main__ import main; main()"
    assert _imported(code).isdisjoint({"textual", "sqlalchemy", "pydantic", "typer", "httpx", "rich"})


def test_no_command_but_the_console_pays_for_textual() -> None:
    code = (
        "import typer.main\n"
        "from bcifs_console.cli import app as root\n"
        "group = typer.main.get_command(root.app)\n"
        "names = [name for name in group.list_commands(None)]\n"
        "assert 'console' in names and 'run' in names\n"
        "[group.get_command(None, name) for name in names]"
    )
    loaded = _imported(code)
    assert "typer" in loaded
    assert "textual" not in loaded


def test_the_console_does_not_pay_for_clients_and_servers() -> None:
    loaded = _imported("import bcifs_console.console.app")
    assert "textual" in loaded
    assert loaded.isdisjoint({"httpx", "uvicorn", "starlette", "alembic"})
