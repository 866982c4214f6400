"""The operators' commands for payments."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

import click
from flask.cli import AppGroup
from tqdm import tqdm

from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.languages import current_locale
from app.core.money import format_money
from app.payments.audit import Audit, Mismatch
from app.payments.compare import compare
from app.payments.compared import compare_all
from app.payments.reconcile import Report, reconcile

payments_cli = AppGroup("payments", help="Payments: look after what is open.")


@payments_cli.command("reconcile")
@click.option("--json", "as_json", is_flag=True, help="Print the report for a program.")
def reconcile_command(as_json: bool) -> None:
    """Look at every open attempt and refund at the provider, and bring them forward.

    Then compare the provider with our books, and these with each other, and name
    every mismatch with what to do. Exits with 1 if there is one, if a provider
    couldn't be reached or if something failed.
    """

    def with_progress(items: list[Any]) -> Iterator[Any]:
        yield from tqdm(items, unit="", disable=not sys.stderr.isatty())

    now = utcnow()
    report = reconcile(now=now, each=with_progress)
    there = compare(now=now, each=with_progress)
    here = in_one_go(partial(compare_all, now=now))
    found = [*there, *here.mismatches]
    if as_json:
        click.echo(json.dumps(_for_programs(report, here, found)))
    else:
        _for_people(report, here, found)
    if report.unreachable or report.failed or found:
        sys.exit(1)


def _for_programs(report: Report, here: Audit, found: list[Mismatch]) -> dict[str, Any]:
    return {
        **asdict(report),
        "elsewhere": here.elsewhere,
        "mismatches": [
            {
                **asdict(one),
                "until": _iso(one.until),
                "words": one.words(),
                "to_do": one.to_do(),
            }
            for one in found
        ],
    }


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None


def _for_people(report: Report, here: Audit, found: list[Mismatch]) -> None:
    counts = {**asdict(report), "paid elsewhere": here.elsewhere, "mismatches": len(found)}
    click.echo(", ".join(f"{name}: {count}" for name, count in counts.items()))
    for one in found:
        click.echo(f"\n{one.code}: {one.words()}")
        about = (one.reference, one.payment_id, one.detail, _amounts(one), _iso(one.until))
        click.echo("  " + ", ".join(part for part in about if part))
        click.echo(f"  {one.to_do()}")


def _amounts(one: Mismatch) -> str:
    pairs = [("found", one.found), ("expected", one.expected)]
    return ", ".join(f"{name} {_amount(one, value)}" for name, value in pairs if value is not None)


def _amount(one: Mismatch, value: int) -> str:
    return format_money(value, one.currency, current_locale()) if one.currency else str(value)
