"""The operators' commands for payments."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click
from flask.cli import AppGroup
from tqdm import tqdm

from app.core.clock import utcnow
from app.payments.reconcile import reconcile

payments_cli = AppGroup("payments", help="Payments: look after what is open.")


@payments_cli.command("reconcile")
@click.option("--json", "as_json", is_flag=True, help="Print the report for a program.")
def reconcile_command(as_json: bool) -> None:
    """Look at every open attempt and refund at the provider, and bring them forward.

    Exits with 1 if a provider couldn't be reached or something failed.
    """

    def with_progress(items: list[Any]) -> Iterator[Any]:
        yield from tqdm(items, unit="", disable=not sys.stderr.isatty())

    report = reconcile(now=utcnow(), each=with_progress)
    counts = asdict(report)
    if as_json:
        click.echo(json.dumps(counts))
    else:
        click.echo(", ".join(f"{name}: {count}" for name, count in counts.items()))
    if report.unreachable or report.failed:
        sys.exit(1)
