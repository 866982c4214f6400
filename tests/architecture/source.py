"""The project's files, as the tests of this folder read them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the top of the project."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.path.read_text().splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse("\n".join(self.lines), self.name)

    def at(self, node: ast.stmt | ast.expr) -> str:
        """Say where a node stands, as editors and terminals link to it."""
        return f"{self.name}:{node.lineno}"

    def imports(self) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
        """Yield each import with the whole name of the module or thing imported."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function, methods and inner ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below some folders of the project."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert paths, f"No Python file in {', '.join(folders)}: this test would prove nothing."
    return tuple(map(Source, sorted(paths)))


@cache
def templates() -> tuple[Path, ...]:
    """Return all templates."""
    paths = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
    assert paths, "No template: this test would prove nothing."
    return tuple(paths)


@cache
def committed() -> tuple[Path, ...]:
    """Return the files that are in the repository, or would be at the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())
