"""The record of a choice, and the receipt that a visitor takes along.

The fields are those of ISO/IEC TS 27560:2023 (consent record information
structure) as its published profiles describe them. There is no address in it
and no browser: whoever holds the receipt is its subject.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.consent.canonical import canonical, digest_of
from app.consent.chain import ORIGIN, Link, link_digest
from app.consent.choices import Choice, runs_out
from app.consent.models import Entry
from app.consent.notice import Notice, Part
from app.consent.register import ABOUT, CHOICE_MONTHS
from app.web.cookies import OPTIONAL, Category

SCHEMA = "https://www.iso.org/standard/80392.html"
PROFILE = "reserved-consent-1"

GIVEN, REFUSED = "given", "refused"
WHERE = ("banner", "page", "footer", "signal")
"""Where an answer can be given; the last is the browser's own."""


def when(instant: datetime) -> str:
    """Return an instant as RFC 3339 has it, in UTC, to the second."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def record(
    choice: Choice,
    notice: Notice,
    *,
    how: str,
    signal: str,
    site_url: str,
    site_name: str,
) -> dict[str, Any]:
    """Return the record of a choice: what was shown, what was chosen, how, and when.

    `how` is where the answer was given, one of `WHERE`; `signal` is the refusal that
    the browser sent along, or "".
    """
    processing = [
        _processing(choice, part, category)
        for category in OPTIONAL
        for part in notice.parts
        if part.code == category
    ]
    return {
        "schema_version": SCHEMA,
        "profile": PROFILE,
        "record_id": choice.receipt_id,
        "pii_principal_id": f"the holder of receipt {choice.receipt_id}",
        "notice": {
            "digest": notice.digest,
            "version": notice.number,
            "language": notice.language,
            "url": f"{site_url}/cookies/notices/{notice.digest}",
        },
        "processing": processing,
        "controller": {
            "name": site_name,
            "role": "controller",
            "id": site_url,
            "contact": f"{site_url}/contact",
        },
        "recipients": [],
        "jurisdiction": "EU",
        "withdrawal": {"url": f"{site_url}/cookies", "from": "the foot of every page"},
        "rights": {
            "url": f"{site_url}/privacy",
            "names": [
                "access", "rectification", "erasure", "restriction", "portability", "objection",
                "withdrawal", "complaint",
            ],
        },
        "event": {
            "state": GIVEN if any(one["state"] == GIVEN for one in processing) else REFUSED,
            "at": when(choice.made_at),
            "until": when(choice.until),
            "duration": _duration(choice),
            "expressed_by": how,
            "signal": signal,
            "over_signal": choice.over_signal,
        },
    }  # fmt: skip


def _duration(choice: Choice) -> str:
    """Return how long it counts, as ISO 8601 has it; less where a part of it is older."""
    if choice.until == runs_out(choice.made_at):
        return f"P{CHOICE_MONTHS}M"
    return f"P{(choice.until - choice.made_at).days}D"


def _processing(choice: Choice, part: Part, category: Category) -> dict[str, Any]:
    months = ABOUT[category].server_months
    # A yes to something else than what was shown is none to this.
    given = bool(choice.answers.get(category)) and choice.answers[category] == part.inventory
    return {
        "process": category.value,
        "purposes": list(part.purposes),
        "lawful_basis": "consent",
        "consent_type": "express",
        "state": GIVEN if given else REFUSED,
        "personal_data": list(part.data),
        "stored_items": [item.name for item in part.items],
        "storage": {
            "location": "server of the controller" if months else "device",
            "longest": f"P{months or CHOICE_MONTHS}M",
        },
        "recipients": [],
        "inventory": part.inventory,
    }


def receipt(entry: Entry, body: dict[str, Any], *, site_url: str, now: datetime) -> dict[str, Any]:
    """Return the receipt of an entry, to take along: the record, and its place in the chain."""
    return {
        "receipt": {
            "schema_version": SCHEMA,
            "version": 1,
            "receipt_id": body["record_id"],
            "record_id": body["record_id"],
            "created_at": when(now),
            "record_digest": entry.body_digest,
            "record": body,
        },
        "chain": {
            "position": entry.position,
            "at": when(entry.at),
            "previous": entry.previous,
            "digest": entry.digest,
            "heads": f"{site_url}/cookies/heads",
        },
    }


# -- Reading a receipt again --------------------------------------------------------------


class ReceiptUnsound(ValueError):
    """A receipt doesn't agree with itself: somebody has edited it, or it is none.

    In English, for operators.
    """


def witnesses_in(made: Any) -> Iterator[Link]:
    """Yield what a receipt has seen of the chain: its own entry, and the one before it.

    Raises ReceiptUnsound where it doesn't agree with itself.
    """
    try:
        own, place = made["receipt"], made["chain"]
        words = canonical(own["record"])
        position, digest, previous = place["position"], place["digest"], place["previous"]
        at = datetime.strptime(place["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        noted = own["record_digest"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ReceiptUnsound("it lacks a part") from error
    if type(position) is not int or not 0 < position < 2**31:
        raise ReceiptUnsound("its position is no number")
    if digest_of(words) != noted:
        raise ReceiptUnsound("its record has another digest")
    if link_digest(position, at, noted, str(previous)) != digest:
        raise ReceiptUnsound("its place in the chain has another digest")
    if (position == 1) != (previous == ORIGIN):
        raise ReceiptUnsound("its place in the chain can't be")
    yield Link(position, digest)
    if position > 1:
        yield Link(position - 1, previous)


# -- The schema ---------------------------------------------------------------------------


def _exactly(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has these properties, each of them, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string", "minLength": 1}
_URL = {"type": "string", "format": "uri", "pattern": "^https?://"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}
_INSTANT = {
    "type": "string",
    "format": "date-time",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
}
_MONTHS = {"type": "string", "pattern": "^P[0-9]{1,3}M$"}
_STATE = {"enum": [GIVEN, REFUSED]}
# Nobody else gets anything. Whoever changes that changes the schema, and asks each visitor.
_NOBODY = {"type": "array", "maxItems": 0}

_RECORD = _exactly(
    schema_version={"const": SCHEMA},
    profile={"const": PROFILE},
    record_id=_ID,
    pii_principal_id={"type": "string", "pattern": "^the holder of receipt [A-Za-z0-9_-]{22}$"},
    notice=_exactly(
        digest=_DIGEST,
        version={"type": "integer", "minimum": 1},
        language={"enum": ["en", "zh", "de", "fr"]},
        url=_URL,
    ),
    processing=_list_of(
        _exactly(
            process={"enum": [category.value for category in OPTIONAL]},
            purposes=_list_of(_TEXT, minItems=1),
            lawful_basis={"const": "consent"},
            consent_type={"const": "express"},
            state=_STATE,
            personal_data=_list_of(_TEXT, minItems=1),
            stored_items=_list_of(_TEXT, uniqueItems=True),
            storage=_exactly(
                location={"enum": ["device", "server of the controller"]}, longest=_MONTHS
            ),
            recipients=_NOBODY,
            inventory={"type": "string", "pattern": "^[0-9a-f]{8}$"},
        ),
        minItems=1,
        maxItems=len(OPTIONAL),
    ),
    controller=_exactly(name=_TEXT, role={"const": "controller"}, id=_URL, contact=_URL),
    recipients=_NOBODY,
    jurisdiction={"const": "EU"},
    withdrawal=_exactly(url=_URL, **{"from": _TEXT}),
    rights=_exactly(url=_URL, names=_list_of(_TEXT, minItems=1, uniqueItems=True)),
    event=_exactly(
        state=_STATE,
        at=_INSTANT,
        until=_INSTANT,
        duration={"type": "string", "pattern": r"^P[1-9]\d*[MD]$"},
        expressed_by={"enum": list(WHERE)},
        signal={"enum": ["", "Sec-GPC", "DNT"]},
        over_signal={"type": "boolean"},
    ),
)

SCHEMA_OF_RECEIPTS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Receipt of a choice about cookies",
    **_exactly(
        receipt=_exactly(
            schema_version={"const": SCHEMA},
            version={"const": 1},
            receipt_id=_ID,
            record_id=_ID,
            created_at=_INSTANT,
            record_digest=_DIGEST,
            record=_RECORD,
        ),
        chain=_exactly(
            position={"type": "integer", "minimum": 1},
            at=_INSTANT,
            previous=_DIGEST,
            digest=_DIGEST,
            heads=_URL,
        ),
    ),
}
"""What a receipt looks like, for whoever reads it by program: nothing is missing, nothing more."""
