"""A hotel's history, driven through the verbs of the site: `flask replay FILE`.

It happens in a fresh site of its own, with databases and secrets of its own, which is
deleted in the end.
"""

import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from app.booking.course import Report, replay
from app.booking.history import HistoryUnreadable, read_history
from app.config import Settings
from app.core import schema
from app.core.database import db


class _Share(click.ParamType[Decimal]):
    """A share such as 1.0 or 0.75, to the digit."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        try:
            share = Decimal(str(value))
        except InvalidOperation:
            share = Decimal("NaN")
        if not share.is_finite() or not 0 < share <= 100:
            self.fail(f"{value!r} is no share above 0, such as 1.0 or 0.75.", param, ctx)
        return share


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--capacity",
    type=_Share(),
    default="1.0",
    show_default=True,
    help="Units there are of each offer, as a share of the most that were ever wanted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report for a program.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="A new or empty folder in which to keep the databases.",
)
@with_appcontext
def replay_cli(file: Path, capacity: Decimal, as_json: bool, keep: Path | None) -> None:
    """Book and cancel what a hotel's history in FILE (CSV, perhaps gzipped) tells.

    All of it happens in a fresh site of its own, which is deleted in the end. Exits
    with 1 if a counter or a room doesn't agree with the reservations.
    """
    try:
        history = read_history(file)
    except HistoryUnreadable as error:
        raise click.ClickException(str(error)) from error
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter("That folder isn’t empty.", param_hint="--keep")

    with (
        nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory() as folder,
        _own_site(Path(folder)),
        tqdm(total=len(history.stays), unit=" bookings", disable=None) as bar,
    ):
        report = replay(history, capacity, bar.update)
    click.echo(json.dumps(asdict(report)) if as_json else _told(report))
    if not report.proved:
        sys.exit(1)


@contextmanager
def _own_site(folder: Path) -> Iterator[Flask]:
    """Make a site with its own folder, databases and secrets, and stand in it."""
    make_app: Callable[[Settings], Flask] = current_app.extensions["make_app"]
    app = make_app(Settings.from_env({"INSTANCE_DIR": str(folder)}))
    # The verbs write the jobs of their mails as ever; there is no worker to be woken.
    app.extensions["wake_worker"] = lambda _job_id: None
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with app.app_context():
        try:
            schema.upgrade(app)
            yield app
        finally:
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def _told(report: Report) -> str:
    """Return a report as lines of text."""
    lines = [
        f"rows {report.rows:,}",
        f"invalid {report.invalid:,}",
        *(f"  {reason}: {_listed(report, reason)}" for reason in _reasons(report)),
        f"accepted {report.accepted:,}",
        f"refused {report.refused:,}",
        f"cancelled {report.cancelled:,}",
        f"kept {report.kept:,}",
        f"revenue {report.revenue:,} (minor units of {report.currency})",
        "highest occupancy",
        *(
            f"  {offer}: {most} of {report.units[offer]}"
            for offer, most in sorted(report.highest_occupancy.items())
        ),
        f"seconds {report.seconds:.1f}",
        f"bookings per second {report.bookings_per_second:,.0f}",
    ]
    if report.tenths:
        lines.append(f"  by tenths: {' '.join(f'{rate:,.0f}' for rate in report.tenths)}")
    lines.append("proved" if report.proved else "NOT PROVED: counters, rooms and lines disagree")
    return "\n".join(lines)


def _reasons(report: Report) -> list[str]:
    return [name for name, _ in Counter(reason for _, reason in report.invalid_rows).most_common()]


def _listed(report: Report, reason: str) -> str:
    lines = [line for line, why in report.invalid_rows if why == reason]
    named = ", ".join(map(str, lines[:5])) + (", …" if len(lines) > 5 else "")
    return (
        f"{len(lines):,} (line {named})" if len(lines) == 1 else f"{len(lines):,} (lines {named})"
    )
