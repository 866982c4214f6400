"""`flask --app wsgi privacy purge`: what would go and why, or what went."""

import json
from typing import Any

import click

from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import gettext
from app.core.sweeps import Outcome, Sweep, sweeps
from app.privacy import purging, terms
from app.privacy.cli import privacy_cli
from app.privacy.laws import Law
from app.privacy.retention import RULES


@privacy_cli.command("purge")
@click.option("--dry-run", is_flag=True, help="Only say what would go; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def purge(dry_run: bool, as_json: bool) -> None:
    """Take away all that is past its date, and say how much and by which rule.

    Ends with 1 where a part failed; the others were done all the same.
    """
    now, law = utcnow(), terms.place().law
    db.session.rollback()
    report: list[dict[str, Any]] = []

    def told(sweep: Sweep, count: int, failure: str = "") -> None:
        line = _line(sweep, count, failure, law)
        report.append(line)
        if not as_json:
            _print(line)

    if not as_json:
        click.echo("This would go:" if dry_run else "Going:")
    if dry_run:
        for sweep in sweeps():
            told(sweep, sweep.count(now))
        db.session.rollback()
    else:

        def tell(outcome: Outcome) -> None:
            told(outcome.sweep, outcome.count, outcome.failure)

        purging.purge(sweeps(), now=now, told=tell)
    failed = [line["sweep"] for line in report if line["failure"]]
    total = sum(line["count"] for line in report)
    if as_json:
        document = {"at": now.isoformat(), "dry_run": dry_run, "total": total, "sweeps": report}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{total} in all." + (f" Failed: {', '.join(failed)}." if failed else ""))
    if failed:
        raise SystemExit(1)


def _line(sweep: Sweep, count: int, failure: str, law: Law) -> dict[str, Any]:
    rule = RULES[sweep.retention]
    return {
        "sweep": sweep.name,
        "what": gettext(sweep.words),
        "count": count,
        "rule": sweep.retention.value,
        "kept": rule.say(law),
        "ground": rule.why(law),
        "failure": failure,
    }


def _print(line: dict[str, Any]) -> None:
    click.echo(f"{line['count']:>8}  {line['sweep']}: {line['what']}")
    if line["count"] or line["failure"]:
        click.echo(f"          kept: {line['kept']}")
        click.echo(f"          why:  {line['ground']}")
    if line["failure"]:
        click.echo(f"          FAILED: {line['failure']}")
