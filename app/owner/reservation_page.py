"""What the page of a reservation shows beside lines, guest and money."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import request

from app.booking.models import CONFIRMED, HELD, Reservation
from app.booking.standing import standing
from app.core.database import db
from app.guestbook import messages
from app.guestbook.forms import MessageForm
from app.guestbook.models import GUEST
from app.owner import history, reservation_words, risk
from app.owner.masking import is_hidden
from app.owner.queries import Row
from app.owner.roles import may_use


def parts(found: Reservation, *, now: datetime, form: MessageForm | None = None) -> dict[str, Any]:
    """Return what the templates of a reservation's page need, by a few statements.

    `form` is the answer that couldn't be sent.
    """
    # What a guest wrote is theirs: who may not be seen isn't read either.
    said = [] if is_hidden(found.person_id) else messages.thread(found)
    signals = risk.signals_of([found], now=now).get(found.id, ())
    return {
        "said": said,
        # By somebody who only looks nothing is read: whoever may answer must see it as new.
        "reads_now": may_use("owner.answer")
        and any(one.author == GUEST and not one.read for one in said),
        "thread_is_open": messages.is_open(found, now=now),
        "answer_form": form or MessageForm(formdata=None),
        "may_answer": may_use("owner.answer"),
        "signals": [reservation_words.signal_word(one, found.currency) for one in signals],
        "may_decide": may_use("owner.decide_risk"),
        "may_cancel": found.status == CONFIRMED and may_use("owner.cancel_by_house"),
        "decision_word": reservation_words.decision_word,
        "events": history.events_of(found),
        "event_word": reservation_words.event_word,
        "event_detail": reservation_words.event_detail,
        "mails": history.mails_of(found),
        "mail_word": reservation_words.mail_word,
        "has_address": found.person is not None and found.person._email is not None,
        "source_word": reservation_words.source_word,
        "at_place_minor": standing(found, now=now).at_place_minor,
        "is_held": found.status == HELD and found.held_until is not None and found.held_until > now,
        "happened": reservation_words.done_word(request.args.get("done", "")),
    }


def signals_of(rows: Sequence[Row], *, now: datetime) -> dict[str, str]:
    """Return what is to be looked at of each listed reservation, by its reference.

    Nothing where somebody has decided already, but what they decided.
    """
    if not rows:
        return {}
    query = sa.select(Reservation).where(Reservation.id.in_([row.id for row in rows]))
    reservations = db.session.scalars(query).all()
    signals = risk.signals_of(reservations, now=now)
    found = {}
    for one in reservations:
        if one.risk_decision:
            found[one.reference] = reservation_words.decided_word(one.risk_decision)
        elif count := len(signals.get(one.id, ())):
            found[one.reference] = reservation_words.signals_word(count)
    return found
