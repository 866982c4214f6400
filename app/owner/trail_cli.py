"""The audit trail from the command line: `flask --app wsgi system trail …`."""

import re

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from app.core import audit
from app.core.audit import AuditEntry
from app.core.database import db, only_reading
from app.core.system_cli import system_cli
from app.owner.trail import first_faults

trail_cli = AppGroup("trail", help="What the house did, in a chain.")
system_cli.add_command(trail_cli)

_HEAD = re.compile(r"(\d{1,15}):([0-9a-f]{64})")


@trail_cli.command("verify")
@click.option("--head", "kept", help="A head that was kept: the trail must still hold it.")
def verify(kept: str | None) -> None:
    """Go through the whole chain, and name the entries that aren't as they were written.

    Without a head that was kept elsewhere, entries cut off at the end are not noticed,
    nor a chain that was written anew. Prints the present head; exits with 1 on a fault.
    """
    with only_reading():
        found = first_faults()
        position, digest = audit.head()
        held = kept is None or _holds(kept)
    for place, fault in found:
        click.echo(f"entry {place} {fault}")
    if not held:
        click.echo("The trail doesn’t hold the head that was kept.")
    if found or not held:
        raise SystemExit(1)
    click.echo(f"The chain is sound. Head: {position}:{digest}")


def _holds(kept: str) -> bool:
    read = _HEAD.fullmatch(kept.strip())
    if read is None:
        raise click.BadParameter("A head is a number, a colon and 64 digits.", param_hint="--head")
    position, digest = int(read[1]), read[2]
    if position == 0:
        return digest == audit.ORIGIN
    query = sa.select(AuditEntry.digest).where(AuditEntry.position == position)
    return db.session.scalar(query) == digest
