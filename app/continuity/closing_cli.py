"""The operators' commands about the end of the service: `flask --app wsgi closing …`."""

import json
from datetime import date, datetime
from typing import Any

import click
from flask.cli import AppGroup

from app.continuity import closing, closing_rehearsal
from app.continuity.closing_models import Closing
from app.core import audit
from app.core.clock import utcnow
from app.core.database import db, only_reading
from app.core.errors import DomainError
from app.core.languages import BY_CODE, DEFAULT
from app.core.money import format_money

closing_cli = AppGroup("closing", help="The end of the service: plan it, rehearse it, follow it.")
_DAY = click.DateTime(formats=["%Y-%m-%d"])
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it for a program.")


@closing_cli.command("plan")
@click.option("--last-day", type=_DAY, help="The last day on which anybody departs or comes.")
@click.option("--downloads-until", type=_DAY, help="The last day on which data can be fetched.")
@click.option("--erase-on", type=_DAY, help="The day on which everything is erased.")
@_JSON
def plan_command(
    last_day: datetime | None,
    downloads_until: datetime | None,
    erase_on: datetime | None,
    as_json: bool,
) -> None:
    """Write a plan down; what isn't given is proposed. Nothing happens until an owner begins it.

    It is begun on the owner's page, by somebody who signed in and typed the place's name.
    """
    now = utcnow()
    try:
        days = _days(last_day, downloads_until, erase_on, now=now)
        found = closing.plan(days, now=now)
    except DomainError as error:
        raise click.ClickException(error.say()) from error
    audit.enter(0, "command", "closing.planned", "closing", found.id, now=now, **_said(found))
    db.session.commit()
    _tell(_status(found), as_json)


@closing_cli.command("dry-run")
@_JSON
def dry_run_command(as_json: bool) -> None:
    """Say whom and what every step would meet now, by the plan or by proposed days."""
    with only_reading():
        now = utcnow()
        found = closing.live()
        days = closing.days_of(found) if found else closing.proposed(now=now)
        seen = closing_rehearsal.rehearse(days, now=now)
        said = closing_rehearsal.as_json(seen)
    if as_json:
        click.echo(json.dumps(said))
        return
    click.echo(f"Last day {days.last_day}, downloads until {days.downloads_until}, ")
    click.echo(f"erasure on {days.erase_on}. Nothing was changed.")
    click.echo(f"Told by mail: {seen.told} people; {seen.nowhere} have no address.")
    click.echo(f"Holds let go: {len(seen.holds)}")
    for one in seen.beyond:
        back = format_money(one.refund_minor, seen.currency, BY_CODE[DEFAULT].locale)
        click.echo(f"Cancelled: {one.reference} ({'all' if one.whole else 'part'}), back {back}")
    for reference in seen.begun:
        click.echo(f"By hand, it has begun: {reference}")
    for fate in seen.fates:
        until = f", until {fate.until}" if fate.until else ""
        click.echo(f"{fate.table}: {fate.rows} rows, {fate.fate}{until}")


@closing_cli.command("status")
@_JSON
def status_command(as_json: bool) -> None:
    """Say how far the plan is."""
    with only_reading():
        found = closing.current()
        said = _status(found) if found else {"state": "none"}
    _tell(said, as_json)


def _days(*given: datetime | None, now: datetime) -> closing.Days:
    last, until, erase = (one.date() if one else None for one in given)
    usual = closing.proposed(now=now)
    last = last or usual.last_day
    until = until or last + closing.DOWNLOADS_USUAL
    return closing.Days(last, until, erase or date.fromordinal(until.toordinal() + 1))


def _said(found: Closing) -> dict[str, str]:
    days = closing.days_of(found)
    return {
        "last_day": days.last_day.isoformat(),
        "downloads_until": days.downloads_until.isoformat(),
        "erase_on": days.erase_on.isoformat(),
    }


def _status(found: Closing) -> dict[str, Any]:
    return {"state": found.state, "stage": found.stage, **_said(found), "counts": found.counts}


def _tell(said: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(said))
        return
    for name, value in said.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
