"""The command `flask --app wsgi incident rehearse`: a breach, rehearsed from end to end."""

import json

import click
from flask.cli import AppGroup

from app.continuity.incidents_rehearsal import rehearse
from app.core.clock import utcnow
from app.core.database import db

incident_cli = AppGroup("incident", help="Incidents: rehearse one.")


@incident_cli.command("rehearse")
@click.option("--json", "as_json", is_flag=True, help="Print it for a program.")
def rehearse_command(as_json: bool) -> None:
    """Rehearse a breach: list, clocks, report and letters. Nothing is sent to anybody.

    That it was rehearsed, when, and with which numbers stays on record.
    """
    seen = rehearse(now=utcnow())
    db.session.commit()
    if as_json:
        click.echo(json.dumps(seen.as_json(), ensure_ascii=False))
        return
    click.echo("A rehearsal: somebody copied the book and every key. Nobody was told.")
    click.echo(f"People concerned: {seen.people}; risk: {seen.risk}")
    for kind, count in seen.kinds.items():
        click.echo(f"  {kind}: {count}")
    for clock in seen.clocks:
        hours = f"{clock['hours']} hours" if clock["hours"] else "without undue delay"
        counts = "" if clock["applies"] else " (doesn't count here)"
        click.echo(f"Clock, {clock['whom']}: {hours}, {clock['ground']}{counts}")
    click.echo(f"Letters composed: {seen.letters}; no address: {seen.nowhere}")
    for language, count in seen.languages.items():
        click.echo(f"  {language}: {count}")
    click.echo(f"Kept as incident {seen.incident_id}.")
