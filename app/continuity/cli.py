"""The operators' commands for backups: `flask --app wsgi backup …`, and two of `privacy`."""

import json
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from app.continuity import backups, drill, restore
from app.core.clock import utcnow
from app.core.errors import DomainError
from app.core.unavailable import FULL, why_unavailable
from app.privacy.cli import privacy_cli

backup_cli = AppGroup("backup", help="Encrypted copies of the book and the keys, and back again.")

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@backup_cli.command("create")
@click.option("--json", "as_json", is_flag=True, help="Print what was made for a program.")
def create_command(as_json: bool) -> None:
    """Back up the book and the keys, apart, and delete the backups whose days are over.

    May be run while the site is served. Encrypted under MASTER_KEY: keep that key
    elsewhere, for without it a backup opens nowhere.
    """
    try:
        made = backups.create(now=utcnow())
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, sqlite3.Error, sa.exc.SQLAlchemyError) as error:
        if why_unavailable(error) != FULL:
            raise
        raise click.ClickException(
            "There is no room on the disk for a backup. None was made; those of before are there."
        ) from error
    rows = [
        {"kind": run.kind, "name": run.name, "size": run.size, "sha256": run.digest} for run in made
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['kind']}/{row['name']}  {row['size']:,} bytes  sha256 {row['sha256']}")


@backup_cli.command("restore")
@click.argument("file", type=FILE, required=False)
@click.option(
    "--keys", type=FILE, help="A backup of the keys: only where their database is lost too."
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Verify and unpack into this folder; change nothing else.",
)
@click.option("--finish", is_flag=True, help="Finish a restore that broke off, or one by hand.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done for a program.")
def restore_command(
    file: Path | None, keys: Path | None, into: Path | None, finish: bool, as_json: bool
) -> None:
    """Put a backup of the book in the place of the present one.

    Verifies it first, replaces the book as a whole, replays the erasures since then from
    the ledger, takes back what was taken back since, and purges what is past its date.
    Nobody is served until that is done. The present keys stay, unless --keys is given.
    """
    given = [path for path in (file, keys) if path is not None]
    if finish == bool(given) or (into and finish):
        raise click.UsageError("Give a backup to restore, or --finish.")
    say = _silent if as_json else click.echo
    try:
        if into is not None:
            for path in given:
                say(f"Unpacked: {restore.unpack(path, into)[0]}")
            return
        if finish:
            report = restore.finish(now=utcnow(), say=say)
        else:
            report = restore.restore(file, keys, now=utcnow(), say=say)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    _tell(report, as_json)


@privacy_cli.command("replay")
@click.option("--json", "as_json", is_flag=True, help="Print what was done for a program.")
def replay_command(as_json: bool) -> None:
    """Replay both ledgers on a book that is older; the same as restore --finish."""
    try:
        report = restore.finish(now=utcnow(), say=_silent if as_json else click.echo)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    _tell(report, as_json)


def _silent(_words: Any) -> None:
    """Say nothing: a program reads what comes at the end."""


def _tell(report: restore.Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo(
            f"Replayed {report.replayed} erasures; {report.persons} persons were there again, "
            f"and are gone again. {sum(report.purged.values())} rows were past their date."
        )
        click.echo(f"Carried out again what was taken back since: {report.withdrawals} times.")
        if report.restored:
            click.echo(
                "What was paid since the backup is found by: flask --app wsgi payments reconcile"
            )
        for name in report.failed:
            click.echo(f"Failed, and is tried again by the worker: {name}")
    if report.failed:
        sys.exit(1)


@privacy_cli.command("drill")
@click.option("--backup", "file", type=FILE, help="Rehearse with this backup of the book.")
@click.option("--latest", is_flag=True, help="Rehearse with the latest backup of the book.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks for a program.")
def drill_command(file: Path | None, latest: bool, as_json: bool) -> None:
    """Rehearse on a copy: back up, erase, restore, refuse, replay, look for what must be gone.

    Touches nothing of the live data but for one row about the outcome. Exits with 1 if
    anything failed.
    """
    try:
        run = drill.drill(now=utcnow(), backup=file, latest=latest)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        words = {"passed": run.passed, "checks": run.checks, "seconds": run.seconds}
        click.echo(json.dumps(words))
    else:
        for name, came in run.checks.items():
            why = "" if came is True else f"  ({came})"
            click.echo(f"{'✓' if came is True else '✗'} {drill.CHECKS[name]}{why}")
        click.echo("Passed." if run.passed else "Failed.")
    if not run.passed:
        sys.exit(1)
