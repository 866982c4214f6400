"""The one way in which a mail leaves: what goes to whom outside is noted as it goes (C02).

A test refuses any other call of `core.mail.deliver`, so that a mail to come can't forget
to tell whom it concerns that a relay got it.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage

from flask import current_app

from app.accounts import disclosures
from app.core.database import db
from app.core.egress import MAIL_RELAY, Egress
from app.core.mail import deliver
from app.web.pages import settings


def post(
    message: EmailMessage,
    *,
    person_id: str | None,
    what: str,
    name: str,
    now: datetime,
    last_look: Callable[[], object] = lambda: None,
) -> None:
    """Note that the relay gets something of a person, and hand the message over.

    `person_id` is None only for a message in which there is nothing of anybody, such as one
    to the house. `what` is one of `disclosures.WHAT`; `name` that of the file which the
    demo, where nothing leaves and nothing is noted, keeps instead.

    Where there is a relay it commits first: nobody waits for a lock while it answers, and
    what it got is never missing. A message that is sent again is counted again. `last_look`
    is taken after that, right before anything leaves, and raises where nothing may any more.
    """
    egress: Egress = current_app.extensions["egress"]
    if MAIL_RELAY.code in egress.recipients():
        disclosures.note(person_id, MAIL_RELAY.code, what, now=now)
        db.session.commit()
    last_look()
    deliver(message, name=name, egress=egress, instance=settings().instance_dir)
