"""The operators' commands for the chain of receipts: `flask --app wsgi consent …`."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from app.consent import chain, receipts
from app.consent.chain import Finding, Link
from app.consent.receipts import ReceiptUnsound
from app.core.clock import utcnow
from app.core.database import only_reading

consent_cli = AppGroup("consent", help="What visitors chose: prove that nobody has changed it.")

LONGEST_RECEIPT = 100_000  # bytes
_MANY = 5_000  # entries from which somebody would wonder whether it still runs
_HEAD = re.compile(r"([0-9]{1,9}):([0-9a-f]{64})")


class Head(click.ParamType[Link]):
    """A published head, as `consent heads` prints it and the page of heads shows it."""

    name = "POSITION:DIGEST"

    def convert(self, value: Any, param: Any, ctx: Any) -> Link:
        """Return the link that a text names; anything else fails with a message."""
        found = _HEAD.fullmatch(value.strip().lower())
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no head. One looks like 12:3f…, with 64 digits.", param, ctx)
        return Link(int(found[1]), found[2])


@consent_cli.command("heads")
def heads_command() -> None:
    """Print the chain's present head: its last position and digest.

    Keep it anywhere else; `consent verify --head` proves by it later that nothing
    before it was changed.
    """
    with only_reading():
        last = chain.head()
    click.echo(f"{last.position}:{last.digest}" if last.position else "The chain is empty.")


@consent_cli.command("verify")
@click.option(
    "--receipt",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A receipt that a visitor took along. May be given several times.",
)
@click.option(
    "--head",
    "given",
    type=Head(),
    multiple=True,
    help="A head that was published or noted earlier. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a program.")
def verify_command(files: tuple[Path, ...], given: tuple[Link, ...], as_json: bool) -> None:
    """Prove that no entry was edited, moved, inserted, deleted or cut off.

    Walks the whole chain and compares it with every head that was published here,
    and with the receipts and heads that are handed in: those alone find a chain
    that was made anew as a whole. Exits with 1 if anything is wrong.
    """
    witnesses, wrong = [*given], []
    for file in files:
        try:
            witnesses += receipts.witnesses_in(_read(file))
        except ReceiptUnsound as error:
            wrong.append(f"{file.name}: not a sound receipt: {error}")
    with only_reading():
        last, published = chain.head(), len(chain.heads(most=100_000))
        each = _progress(last.position)
        findings = list(chain.verify(witnesses, now=utcnow(), each=each))
    if as_json:
        report = {
            "entries": last.position,
            "head": last.digest,
            "heads": published + len(given),
            "receipts": len(files),
            "unsound_receipts": wrong,
            "findings": [asdict(finding) for finding in findings],
        }
        click.echo(json.dumps(report))
    else:
        for line in (*wrong, *map(_said, findings)):
            click.echo(line)
    if wrong or findings:
        sys.exit(1)
    if not as_json:
        heads, taken = _count(published + len(given), "head"), _count(len(files), "receipt")
        end = f"ends at {last.position}:{last.digest}" if last.position else "nothing to prove"
        click.echo(f"{_count(last.position, 'entry')}, {end}; {heads} and {taken} agree.")


def _read(file: Path) -> Any:
    """Return what a receipt's file holds. Raises a message for operators where it is none."""
    try:
        if file.stat().st_size > LONGEST_RECEIPT:
            raise click.ClickException(f"{file} is too long to be a receipt.")
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} can’t be read as a receipt.") from error


def _progress(entries: int) -> Callable[[Iterable[Any]], Iterable[Any]]:
    if entries < _MANY or not sys.stderr.isatty():
        return iter
    from tqdm import tqdm  # lazily: no server and no short chain needs it

    def shown(rows: Iterable[Any]) -> Iterator[Any]:
        yield from tqdm(rows, total=entries, unit=" entries")

    return shown


def _said(finding: Finding) -> str:
    return f"entry {finding.position}: {finding.what}"


def _count(number: int, what: str) -> str:
    several = "entries" if what == "entry" else f"{what}s"
    return f"{number} {what if number == 1 else several}"
