"""`privacy evidence`: what there is to show for each clause, and what is missing."""

import json
from collections import Counter
from typing import Any

import click
from flask import current_app

from app.privacy.cli import privacy_cli
from app.privacy.evidence import TESTS, Gap, Ground, Line, find_tests, gaps, lines
from app.privacy.last_run import LastRun, last_run


@privacy_cli.command("evidence")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def evidence(as_json: bool) -> None:
    """Print each clause with its code, control, tests, columns and state; fail on a gap."""
    ground, tests, run = Ground(current_app.url_map), find_tests(TESTS), last_run()
    counted = None if tests is None else Counter({code: len(ids) for code, ids in tests.items()})
    found, missing = lines(ground, tests, run), gaps(ground, counted)
    click.echo(_as_json(found, missing, run) if as_json else _as_text(found, missing, run))
    if missing:
        raise SystemExit(1)


def _as_json(found: list[Line], missing: list[Gap], run: LastRun | None) -> str:
    clauses = [
        {
            "clause": line.clause.code,
            "title": line.clause.title,
            "promise": line.clause.promise,
            "state": line.state,
            "still": line.clause.still,
            "code": line.clause.kept_by,
            "controls": line.controls,
            "tests": line.tests,
            "passed": line.passed,
            "columns": line.columns,
            "purposes": line.purposes,
        }
        for line in found
    ]
    said = [{"gap": gap.kind, "what": gap.what} for gap in missing]
    whole = {"last_green_run": _run(run), "clauses": clauses, "gaps": said}
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _run(run: LastRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "at": run.at.isoformat(),
        "commit": run.commit,
        "digest": run.digest,
        "scope": run.scope,
        "passed": run.passed,
        "these_files": run.these_files,
    }


def _as_text(found: list[Line], missing: list[Gap], run: LastRun | None) -> str:
    written = [text for line in found for text in _line(line)]
    if run is None:
        written.append("No green run of the tests is written down here. bin/test writes one.")
    else:
        which = "these very files" if run.these_files else "other files than these"
        written.append(f"Last green run: {run.at:%Y-%m-%d %H:%M} UTC, {run.passed}, on {which}.")
    if missing:
        written += [f"{len(missing)} to close:", *(f"  {gap.kind}: {gap.what}" for gap in missing)]
    else:
        written.append("No gap.")
    return "\n".join(written)


def _line(line: Line) -> list[str]:
    tests = "tests aren't here" if line.tests is None else f"tests: {len(line.tests)}"
    if line.passed is not None:
        tests += f", passed in the last green run: {line.passed}"
    said = [
        f"{line.clause.code}  {line.clause.title}  [{line.state}]",
        f"     {', '.join(line.controls) or 'no control'}; {tests}",
        f"     code: {', '.join(line.clause.kept_by)}",
    ]
    if line.clause.still:
        said.append(f"     still to come: {line.clause.still}")
    if line.purposes:
        said.append(f"     purposes: {', '.join(line.purposes)}")
    if line.columns:
        said.append(f"     columns: {', '.join(line.columns)}")
    return [*said, ""]
