"""What a whole green run leaves behind: the file that the site's page of clauses shows (C06).

`bin/test` names the file in RESERVED_EVIDENCE when it runs everything and the checks before
the tests were green. A run of some tests, or one that failed, writes nothing.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.privacy.last_run import ROOT, source_digest

FILE, SCOPE = "RESERVED_EVIDENCE", "RESERVED_EVIDENCE_SCOPE"
_passed: dict[str, list[str]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test's report say which clauses it is for, also from another process."""
    for item in items:
        for mark in item.iter_markers("clause"):
            (code,) = mark.args  # a second one in a mark would be counted nowhere
            item.user_properties.append(("clause", str(code)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what passed."""
    if report.when == "call" and report.passed:
        clauses = {str(value) for name, value in report.user_properties if name == "clause"}
        _passed[report.nodeid] = sorted(clauses)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the file, in the process that leads, after a whole green run."""
    file = os.environ.get(FILE)
    if file and exitstatus == 0 and not hasattr(session.config, "workerinput") and _passed:
        scope = os.environ.get(SCOPE) or "usual"
        write(Path(file), _passed, at=datetime.now(UTC), commit=_commit(), scope=scope)


def write(
    file: Path, passed: dict[str, list[str]], *, at: datetime, commit: str, scope: str
) -> None:
    """Write what passed: {node id: clauses}."""
    clauses: dict[str, dict[str, Any]] = {}
    for code in sorted({one for codes in passed.values() for one in codes}):
        ids = [node for node, codes in passed.items() if code in codes]
        names = sorted({node.partition("[")[0] for node in ids})
        clauses[code] = {"passed": len(ids), "tests": names}
    said = {
        "at": at.replace(microsecond=0).isoformat(),
        "commit": commit,
        "digest": source_digest(),
        "scope": scope,
        "passed": len(passed),
        "clauses": clauses,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _commit() -> str:
    """Return the commit whose files were tested; "" where they are no commit's."""
    said = list(_git("rev-parse", "HEAD"))
    changed = list(_git("status", "--porcelain", "--", "app", "templates", "static", "migrations"))
    return said[0] if said and not changed else ""


def _git(*words: str) -> Iterator[str]:
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
        )
    except OSError:
        return
    if done.returncode == 0:
        yield from done.stdout.splitlines()
