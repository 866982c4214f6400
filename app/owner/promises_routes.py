"""The owner's pages of promises: every rare workflow, and the records of processing."""

from babel.dates import format_datetime
from flask import Response, current_app, render_template
from flask.typing import ResponseReturnValue

from app.accounts.models import READER
from app.booking.shop import NothingOnOffer, shop
from app.booking.wording import where
from app.core.clock import utcnow
from app.core.languages import current_locale, gettext
from app.owner import promises, promises_states, records  # noqa: F401 (states register themselves)
from app.owner.roles import needs
from app.owner.routes import bp
from app.policy.recipients import listed


@bp.get("/promises", endpoint="promises")
@needs(READER)
def promises_page() -> ResponseReturnValue:
    """Link to every workflow that the policy promises, with how it stands."""
    return render_template("owner/promises.html", rows=list(promises.states(now=utcnow())))


@bp.get("/records", endpoint="records")
@needs(READER)
def records_page() -> ResponseReturnValue:
    """Show the records of processing as they follow from the program (GDPR, Article 30)."""
    return render_template(
        "owner/records.html",
        front=_front(),
        heads=records.heads(),
        found=_found(),
        measures=list(map(gettext, records.MEASURES)),
    )


@bp.get("/records.csv", endpoint="records_csv")
@needs(READER)
def records_csv() -> Response:
    """Answer with the records as a file."""
    found = _found()
    response = Response(records.as_csv(found, _front()), content_type="text/csv; charset=utf-8")
    name = f"records-{utcnow():%Y-%m-%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _found() -> list[records.Record]:
    return records.records(listed(current_app.extensions["egress"]))


def _front() -> list[tuple[str, str]]:
    """Return who is responsible, and when this was made."""
    moment = format_datetime(utcnow(), "long", locale=current_locale())
    made = [(gettext("Made on"), moment)]
    try:
        venue = shop().venue
    except NothingOnOffer:
        return made
    responsible = (venue.responsible.name, *where(venue.responsible))
    return [
        (gettext("Responsible"), gettext(", ").join(responsible)),
        (gettext("E-mail"), venue.responsible.email),
        (gettext("Telephone"), venue.phone),
        *made,
    ]
