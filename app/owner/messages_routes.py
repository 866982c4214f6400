"""The owner's page of threads that wait for an answer: by reference, nobody's name."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts.models import READER
from app.core.languages import ngettext
from app.guestbook.messages import unread_count, waiting_for_house
from app.owner import needs as whats_needed
from app.owner.roles import needs
from app.owner.routes import at_place, bp

_MOST = 100


@bp.get("/messages", endpoint="messages")
@needs(READER)
def messages_page() -> ResponseReturnValue:
    """List the reservations whose guests wrote something that nobody has read."""
    return render_template(
        "owner/messages.html", waiting=waiting_for_house(_MOST), at=at_place(), count_word=_unread
    )


def _unread(number: int) -> str:
    return ngettext("%(num)d message", "%(num)d messages", number)


def _need(number: int) -> str:
    return ngettext(
        "%(num)d message of a guest isn’t read yet.",
        "%(num)d messages of guests aren’t read yet.",
        number,
    )


def _count(_now: datetime) -> sa.Select[Any]:
    return unread_count()


whats_needed.register("messages", _need, "owner.messages", count=_count)
