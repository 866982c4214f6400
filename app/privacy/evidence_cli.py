"""`privacy evidence`: what there is to show for each clause, and what is missing."""

import json

import click
from flask import current_app

from app.privacy.cli import privacy_cli
from app.privacy.evidence import TESTS, Gap, Ground, Line, count_tests, gaps, lines


@privacy_cli.command("evidence")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def evidence(as_json: bool) -> None:
    """Print each clause with its control, tests, columns and state; fail on a gap."""
    ground, counted = Ground(current_app.url_map), count_tests(TESTS)
    found, missing = lines(ground, counted), gaps(ground, counted)
    click.echo(_as_json(found, missing) if as_json else _as_text(found, missing))
    if missing:
        raise SystemExit(1)


def _as_json(found: list[Line], missing: list[Gap]) -> str:
    clauses = [
        {
            "clause": line.clause.code,
            "title": line.clause.title,
            "promise": line.clause.promise,
            "state": line.state,
            "still": line.clause.still,
            "controls": line.controls,
            "tests": line.tests,
            "columns": line.columns,
            "purposes": line.purposes,
        }
        for line in found
    ]
    said = [{"gap": gap.kind, "what": gap.what} for gap in missing]
    return json.dumps({"clauses": clauses, "gaps": said}, ensure_ascii=False, indent=2)


def _as_text(found: list[Line], missing: list[Gap]) -> str:
    written = [text for line in found for text in _line(line)]
    if missing:
        written += [f"{len(missing)} to close:", *(f"  {gap.kind}: {gap.what}" for gap in missing)]
    else:
        written.append("No gap.")
    return "\n".join(written)


def _line(line: Line) -> list[str]:
    tests = "tests aren't here" if line.tests is None else f"tests: {line.tests}"
    said = [
        f"{line.clause.code}  {line.clause.title}  [{line.state}]",
        f"     {', '.join(line.controls) or 'no control'}; {tests}",
    ]
    if line.clause.still:
        said.append(f"     still to come: {line.clause.still}")
    if line.purposes:
        said.append(f"     purposes: {', '.join(line.purposes)}")
    if line.columns:
        said.append(f"     columns: {', '.join(line.columns)}")
    return [*said, ""]
