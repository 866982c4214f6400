"""Commands for whoever runs the machine: `flask --app wsgi owner …`."""

import click
from flask.cli import AppGroup

from app.accounts.signin import make_owner_link
from app.core.clock import utcnow
from app.core.database import db

owner_cli = AppGroup("owner", help="The owner's way in.")


@owner_cli.command("link")
def link() -> None:
    """Print a link that signs the owner in: once, within a day. Older links end."""
    address = make_owner_link(now=utcnow())
    db.session.commit()
    click.echo(address)
