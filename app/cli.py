"""The operators' commands: `flask --app wsgi …`."""

from datetime import datetime

import click
import sqlalchemy as sa
from flask import Flask, current_app
from flask.cli import AppGroup

from app.accounts.signin import make_owner_link
from app.booking.demo import load_demo, load_demo_reservations
from app.booking.feeds_in import feeds_cli
from app.booking.models import VenueRow
from app.booking.replay import replay_cli
from app.booking.reservations import prove
from app.booking.seating import misblocked, misseated
from app.config import Settings
from app.consent.cli import consent_cli
from app.continuity import (
    restore,
    serving,
    upgrade_cli,  # noqa: F401 (it adds commands to the group)
)
from app.continuity.cli import backup_cli
from app.continuity.closing_cli import closing_cli
from app.continuity.controller_cli import handover_cli
from app.continuity.incidents_cli import incident_cli
from app.core import schema
from app.core.clock import utcnow
from app.core.database import db
from app.core.errors import DomainError
from app.core.system_cli import system_cli
from app.core.worker import run_worker
from app.owner import trail_cli  # noqa: F401 (it adds a command to the group)
from app.owner.cli import owner_cli
from app.payments.cli import payments_cli
from app.policy.documents import publish_missing
from app.privacy import evidence_cli, purge_cli  # noqa: F401 (they add commands to the group)
from app.privacy.cli import privacy_cli
from app.web.pages import running_app

demo_cli = AppGroup("demo", help="The demonstration's place.")


@demo_cli.command("load")
def demo_load() -> None:
    """Load the demonstration's place and its reservations, if there is no place yet."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.demo:
        raise click.ClickException("Made-up guests don't go into a production site's book.")
    click.echo("Loaded." if _load_demo() else "There is a place already; nothing was changed.")


def _load_demo() -> bool:
    now = utcnow()
    loaded = load_demo(now=now)
    db.session.commit()
    if loaded:
        load_demo_reservations(now=now)
        db.session.commit()
    return loaded


@click.command("prepare")
def prepare() -> None:
    """Make everything ready to serve: tables, documents, and in the demo a place.

    Does only what is missing, so that a second start is quick. Prints the
    address and the demo owner's way in.
    """
    settings: Settings = current_app.extensions["settings"]
    if not schema.is_newest():
        click.echo("Making the tables …")
        schema.upgrade(running_app())
    now = utcnow()
    _finish_restore(now)
    if publish_missing(now=now):
        click.echo("Published the terms and the privacy policy.")
    db.session.commit()
    if settings.demo and db.session.scalar(sa.select(VenueRow.id)) is None:
        click.echo("Loading the demonstration’s place …")
        _load_demo()
    click.echo(f"\n  The site:            {settings.site_url}/")
    if settings.demo:
        link = make_owner_link(now=now)
        db.session.commit()
        click.echo(
            f"  The owner’s way in:  {link}\n                       (works once, for a day)\n"
        )


def _finish_restore(now: datetime) -> None:
    """Replay what a restored book lacks of both ledgers, so that it may be served."""
    if (why := serving.check(running_app())) is None:
        return
    click.echo(f"Not ready to serve: {why}")
    try:
        report = restore.finish(now=now, say=click.echo)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Replayed {report.replayed} erasures; {report.persons} persons are gone again.")
    click.echo(f"Carried out again what was taken back since: {report.withdrawals} times.")


@click.command("work")
def work() -> None:
    """Do what requests leave to be done: mail, refunds, expired holds. Runs until stopped."""
    app = running_app()
    run_worker(app, app.extensions["settings"])


@click.command("prove")
def prove_command() -> None:
    """Re-prove from the reservations' lines that every counter and every seating is right."""
    connection = db.session.connection()
    wrong = [
        f"offer {offer_id}, {place}: {counted} by the lines, {taken} by the counter"
        for offer_id, place, counted, taken in prove(now=utcnow())
    ]
    for what, ids in (("line", misseated(connection)), ("block", misblocked(connection))):
        wrong += [f"{what} {one}: it hasn't one unit for exactly its nights" for one in ids]
    for one in wrong:
        click.echo(one)
    if wrong:
        raise SystemExit(1)
    click.echo("Every counter and every seating agrees with the reservations.")


def register_commands(app: Flask) -> None:
    """Give `flask` our commands and those of Alembic.

    A server does without: its workers are lighter by what these import.
    """
    schema.init_app(app)
    for command in (
        demo_cli,
        owner_cli,
        payments_cli,
        consent_cli,
        privacy_cli,
        system_cli,
        backup_cli,
        handover_cli,
        closing_cli,
        incident_cli,
        prepare,
        work,
        prove_command,
        feeds_cli,
        replay_cli,
    ):
        app.cli.add_command(command)
