"""What a person can do about each clause: the controls, as links with words (C06).

A control that belongs to one booking or one basket has no address of its own: it is told of,
and stands where its words say.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

from flask import url_for
from werkzeug.routing import BuildError

from app.core.languages import N_, gettext
from app.policy.checks import Line, offers
from app.privacy.clauses import CLAUSES, Clause

CONTROLS: Final = {
    "accounts.confirm": N_("Be asked again who you are, before anything delicate"),
    "accounts.profile": N_("Look at your details, and change them"),
    "accounts.readings": N_("See who of the house opened your details, and why"),
    "accounts.security": N_("Change your password, add a second step, end a device"),
    "arrival.arrival": N_("On the page of your reservation: how to arrive"),
    "arrival.wishes": N_("On the page of your reservation: say what you wish for your stay"),
    "booking.account": N_("See your reservations"),
    "booking.checkout": N_("While booking: read beside each field what it is for"),
    "booking.home": N_("Look around without telling us anything"),
    "booking.search": N_("Look for what is free, and book without an account"),
    "closing.show": N_("See whether we are closing, and what happens then"),
    "consent.show": N_("Choose about cookies, and take your yes back"),
    "consent_log.log_page": N_("Read what was noted of you, line by line"),
    "consent_permissions.show": N_("Switch on or off what you allow, each by itself"),
    "consent_preferences.preferences": N_("Choose language, region and light"),
    "controller.show": N_("See who is responsible, and whether that is about to change"),
    "health.readyz": N_("Ask the program whether it is well"),
    "incidents.show": N_("Read what has gone wrong so far"),
    "machines.gpc": N_("Read how we answer your browser’s signal"),
    "policy.security": N_("Read how it is kept safe, and report a weakness"),
    "policy.show_changes": N_("See what a new version changes"),
    "policy.show_privacy": N_("Read the policy in force"),
    "policy.show_privacy_version": N_("Read a version exactly as it was"),
    "policy.show_recipients": N_("See who gets what, why, where and for how long"),
    "policy.show_terms": N_("Read the terms"),
    "privacy.clauses": N_("Look up every promise with its code and its tests"),
    "privacy.collection": N_("See everything we ask, field by field"),
    "privacy.data": N_("See all that is held on you; take it along, correct or erase it"),
    "privacy.requests": N_("Ask us anything about your data"),
    "privacy.show_retention": N_("See what goes when, and by which law"),
    "privacy.storage": N_("See what lies on your device, and what lies with us"),
    "reviews.show": N_("Read what guests agreed to show"),
}
"""What can be done on each page that is a clause's control, as a link says it."""


def address_of(endpoint: str) -> str:
    """Return a control's address; "" for one that belongs to a single booking or basket."""
    with suppress(BuildError):
        return url_for(endpoint)
    return ""


def control_lines(clause: Clause) -> Iterator[Line]:
    """Yield what a person can do about a clause, in the current language."""
    for endpoint in clause.controls:
        yield Line(gettext(CONTROLS[endpoint]), address_of(endpoint))


def _offer(clause: Clause) -> None:
    def look(now: datetime) -> Iterator[Line]:
        return (
            line for line in control_lines(clause) if line.url != url_for("policy.show_privacy")
        )

    offers(clause.code, look)


for _clause in CLAUSES:
    _offer(_clause)
