"""The last green run of the tests: when, on which files, and how many for each clause (C06).

A whole run of `bin/test` that ends green writes `evidence/last-run.json`, which goes along
with the program. It has a digest of the files that were tested. A site takes the digest of
the files that it runs on: where they are the same, these very files were tested, and the
page says so; where not, it says that they have changed since. So a file that was copied
along proves nothing that isn't so.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILE = ROOT / "evidence" / "last-run.json"
_FOLDERS = ("app", "templates", "static", "migrations")
_FILES = ("wsgi.py", "requirements.txt")
# Made on each machine from the others.
_MADE = (".pyc", ".mo")


@dataclass(frozen=True, slots=True)
class LastRun:
    """What a run wrote down. `tests` has the names of its tests for each clause."""

    at: datetime
    commit: str  # "" where the files were not those of a commit
    digest: str
    passed: int
    scope: str  # "usual" or "all"
    clauses: dict[str, int]  # how many of its tests passed for each clause
    tests: dict[str, tuple[str, ...]]
    these_files: bool  # whether the program that reads it is what was tested


def last_run(file: Path = FILE) -> LastRun | None:
    """Return the last green run that was written down; None where there is none to read."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return _read(said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # a file that somebody spoilt proves nothing


def _read(said: dict[str, Any]) -> LastRun:
    return LastRun(
        at=datetime.fromisoformat(said["at"]),
        commit=str(said["commit"]),
        digest=str(said["digest"]),
        passed=int(said["passed"]),
        scope=str(said["scope"]),
        clauses={str(code): int(one["passed"]) for code, one in said["clauses"].items()},
        tests={str(code): tuple(map(str, one["tests"])) for code, one in said["clauses"].items()},
        these_files=said["digest"] == source_digest(),
    )


@cache
def source_digest(root: Path = ROOT) -> str:
    """Return the SHA-256 over the names and contents of the files that the site runs on."""
    found = [root / name for name in _FILES]
    for folder in _FOLDERS:
        found += [
            path
            for path in (root / folder).rglob("*")
            if path.is_file() and path.suffix not in _MADE and "__pycache__" not in path.parts
        ]
    whole = sha256()
    for path in sorted(found):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0")
        whole.update(sha256(path.read_bytes()).digest())
    return whole.hexdigest()
