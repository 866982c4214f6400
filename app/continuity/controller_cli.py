"""Commands at the new controller's: `flask --app wsgi handover key` and `… handover open`."""

import json
import os
from pathlib import Path

import click
from flask.cli import AppGroup

from app.continuity import controller_sealing as sealing
from app.continuity.folders import folder
from app.core.errors import DomainError

handover_cli = AppGroup("handover", help="Take over data that another house hands over.")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@handover_cli.command("key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="handover-key.pem")
def key_command(file: Path) -> None:
    """Make a pair of keys: the private one into FILE, the public one to be given away.

    Whoever hands over pastes the public one into the owner's page. Keep FILE to yourself:
    without it the hand-over opens nowhere.
    """
    public, private = sealing.make_pair()
    try:
        _write(file, private.encode())
    except FileExistsError as error:
        raise click.ClickException(f"{file} is there already; nothing was changed.") from error
    click.echo(public, nl=False)
    click.echo(f"The private key is in {file}. The public one stands above.", err=True)


@handover_cli.command("open")
@click.argument("file", type=_FILE)
@click.option(
    "--key", required=True, type=_FILE, help="The private key, as `handover key` made it."
)
@click.option("--signed-by", default="", help="The fingerprint on the former one's page.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the records into this folder; otherwise they are only verified.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what it is for a program.")
def open_command(file: Path, key: Path, signed_by: str, into: Path | None, as_json: bool) -> None:
    """Verify a hand-over as a whole, and open its records.

    Nothing is written before all of it was verified. Each record is a person's data as JSON;
    data.schema.json beside them says what stands in it.
    """
    try:
        private = sealing.read_private(key.read_bytes())
        with file.open("rb") as source:
            header = sealing.verify(source, signed_by=signed_by)
        with file.open("rb") as source:
            for _ in sealing.records(source, private):
                pass  # each must open before any is written
        if into is not None:
            _unpack(file, private, into, header)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    said = {
        name: header[name]
        for name in ("from", "to", "site", "changes_on", "records", "site_key_sha256")
    }
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    click.echo(f"Whole, signed and opened: {said['records']} records.")
    click.echo(f"From {said['from']} ({said['site']}) to {said['to']}, {said['changes_on']}.")
    click.echo(f"Signed by the key {said['site_key_sha256']}")
    if not signed_by:
        click.echo("Compare it with the one on the former one’s page /privacy/controller.")


def _unpack(file: Path, private: sealing.PrivateKey, into: Path, header: dict[str, object]) -> None:
    schema = json.dumps(header["schema"], ensure_ascii=False, indent=2) + "\n"
    place = folder(into)
    try:
        _write(place / "data.schema.json", schema.encode())
        with file.open("rb") as source:
            for number, record in enumerate(sealing.records(source, private), 1):
                _write(place / f"{number:06}.json", record)
    except FileExistsError as error:
        raise click.ClickException(f"{into} isn’t empty; nothing there was changed.") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as made:
        made.write(content)
