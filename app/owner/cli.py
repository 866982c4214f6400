"""Commands for whoever runs the machine: `flask --app wsgi owner …`."""

import click
from flask.cli import AppGroup

from app.accounts.names import NameTaken
from app.accounts.signin import make_owner, make_owner_link
from app.core import audit
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import DEFAULT, LANGUAGES
from app.owner.trail import COMMAND

owner_cli = AppGroup("owner", help="The owners' way in.")


@owner_cli.command("link")
def link() -> None:
    """Print a link that signs the owner in: once, within a day. Older links end."""
    now = utcnow()
    address = make_owner_link(now=now)
    audit.enter(0, COMMAND, "owner.link", "house", 0, now=now)
    db.session.commit()
    click.echo(address)


@owner_cli.command("create")
@click.option("--email", required=True, help="What they sign in with, and where mails go.")
@click.option("--name", required=True, help="What they are called in the list of people.")
@click.option("--language", type=click.Choice(LANGUAGES), default=DEFAULT, show_default=True)
def create(email: str, name: str, language: str) -> None:
    """Make one more owner, and print a link that signs them in: once, within a day."""
    # Lazily: its import takes 34 ms, which no other command should wait for.
    from email_validator import EmailNotValidError, validate_email

    now = utcnow()
    try:
        tidy = validate_email(email, check_deliverability=False).normalized
        owner = make_owner(name, tidy, language=language, now=now)
    except EmailNotValidError as error:
        raise click.BadParameter(str(error), param_hint="--email") from error
    except NameTaken as error:
        raise click.ClickException("There is an account with this address already.") from error
    address = make_owner_link(owner, now=now)
    audit.enter(0, COMMAND, "owner.created", "account", owner.id, now=now)
    db.session.commit()
    click.echo(address)
