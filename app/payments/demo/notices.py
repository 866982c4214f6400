"""What the demo bank does after a while: it sends notices, and slow money arrives."""

import json
from datetime import datetime
from typing import Any

from app.core.database import db
from app.core.outbox import enqueue, handles
from app.payments.demo import bank
from app.payments.demo.provider import DemoProvider
from app.payments.notices import receive_notice
from app.payments.providers import provider_named


def send_later(event: bank.Event, *, now: datetime) -> None:
    """Let the worker deliver a notice of something that happened. Commits."""
    enqueue("demo_bank.deliver", {"event_id": event.id, "ref": event.ref}, now=now)
    db.session.commit()


def settle_later(ref: str, state: str, *, now: datetime, at: datetime) -> None:
    """Let slow money arrive, or fail to, at a later time. Commits."""
    enqueue("demo_bank.settle", {"ref": ref, "state": state}, now=now, not_before=at)
    db.session.commit()


@handles("demo_bank.deliver")
def _deliver(payload: dict[str, Any], now: datetime) -> None:
    """Send one notice, as bytes, signed, through the door that every provider uses.

    If it isn't taken, the worker tries again, as a bank would.
    """
    provider = provider_named(DemoProvider.name)
    if isinstance(provider, DemoProvider):
        body = json.dumps({"id": payload["event_id"], "ref": payload["ref"]}).encode()
        receive_notice(provider, provider.sign(body, now=now), body, now=now)


@handles("demo_bank.settle")
def _settle(payload: dict[str, Any], now: datetime) -> None:
    event = bank.settle(payload["ref"], payload["state"], now=now)
    if event is not None:
        send_later(event, now=now)
