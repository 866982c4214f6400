"""Upgrading from the command line: `flask --app wsgi system upgrade`, and back again."""

import click
import sqlalchemy as sa
from flask import current_app

from app.booking.models import Reservation
from app.config import Settings
from app.continuity import upgrade as upgrading
from app.core.clock import utcnow
from app.core.database import db, only_reading
from app.core.errors import DomainError
from app.core.system_cli import system_cli


@system_cli.command("upgrade")
def upgrade_command() -> None:
    """Bring the data to the version of the code that lies here.

    Stop the site and the worker first, put the new code in place, install what it needs,
    and run this. It backs up both databases, migrates them, proves the counters and
    prepares; if anything fails, both are put back as they were. Nothing is fetched.
    """
    prepare = current_app.cli.commands["prepare"].callback
    assert prepare is not None
    try:
        record = upgrading.upgrade(prepare, now=utcnow(), say=click.echo)
    except DomainError as error:
        raise click.ClickException(error.say()) from error
    where = record.became if record.was == record.became else f"{record.was} to {record.became}"
    click.echo(f"Upgraded: migration {where}. To go back: flask --app wsgi system rollback")


@system_cli.command("rollback")
@click.option("--yes", is_flag=True, help="Don't ask whether what came since may be lost.")
def rollback_command(yes: bool) -> None:
    """Bring back the data of before the last upgrade.

    What was written since is lost from the site, and kept in a backup that is made first.
    Whoever was erased since stays erased. Put the former version's code in place afterwards.
    """
    settings: Settings = current_app.extensions["settings"]
    record = upgrading.last_upgrade(settings)
    if record is not None and record.state == upgrading.DONE and not yes:
        lost = _made_since(record)
        click.confirm(
            f"{lost} reservations were made since the upgrade and would be gone. Go back?",
            abort=True,
        )
    try:
        record = upgrading.rollback(now=utcnow(), say=click.echo)
    except DomainError as error:
        raise click.ClickException(error.say()) from error
    if record.state == upgrading.BACK and record.was != record.became:
        click.echo(
            "Nobody is served until the former version’s code lies here and was prepared: "
            "flask --app wsgi prepare"
        )
    click.echo(f"Back at migration {record.was}.")


def _made_since(record: upgrading.Record) -> int:
    query = sa.select(sa.func.count()).where(Reservation.created_at >= record.since)
    with only_reading():
        return int(db.session.scalar(query) or 0)
