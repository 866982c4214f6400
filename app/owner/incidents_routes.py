"""The owner's pages of incidents: record, list, decide, tell, report, close (C15)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.booking.shop import zone_here
from app.continuity import (
    incidents,
    incidents_errors,
    incidents_note,
    incidents_telling,
    incidents_words,
)
from app.continuity.incidents_clocks import at_wall, clocks
from app.continuity.incidents_models import Incident
from app.continuity.incidents_risk import why_words
from app.continuity.incidents_risk import word as risk_word
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_, current_locale, gettext, ngettext
from app.owner import incidents_pages as shown
from app.owner.incidents_forms import (
    CloseForm,
    LetterForm,
    PublishForm,
    ReportedForm,
    RiskForm,
    SendForm,
)
from app.owner.just_done import just_done
from app.owner.roles import needs, sensitive
from app.owner.routes import at_place, bp
from app.owner.trail import record
from app.privacy.terms import place
from app.web.attachments import attachment
from app.web.forms import EmptyForm, Form

ONE = "/incidents/<int(max=2147483647):incident_id>"
_BESIDE = (
    incidents_errors.Unexplained,
    incidents_errors.TooLate,
    incidents_telling.WordDiffers,
)
_SAMPLES = 5  # letters shown whole, by the kinds of data they name
_DONE = {
    "recorded": N_("It is written down, and whom it concerns is listed."),
    "looked": N_("The list was made anew."),
    "decided": N_("Your decision is kept, with its reason."),
    "written": N_("The letter is kept. Nobody got it yet."),
    "sent": N_("The letters are on their way, one to each mailbox."),
    "composed": N_("The letters were composed, as they would be sent. Nobody gets one."),
    "reported": N_("Noted, with the time."),
    "published": N_("It stands on every page and on the public one."),
    "withdrawn": N_("The public notice is taken away."),
    "closed": N_("Closed. What was done stays on record."),
    "added": N_("Put on the list."),
    "out": N_("Taken off the list; the reason is kept."),
    "back": N_("Back on the list."),
    "told": N_("Noted that you told this person."),
}

_VERBS = {
    "recorded": "incident.recorded",
    "looked": "incident.looked",
    "decided": "incident.decided",
    "written": "incident.written",
    "sent": "incident.sent",
    "composed": "incident.composed",
    "reported": "incident.reported",
    "published": "incident.published",
    "withdrawn": "incident.withdrawn",
    "closed": "incident.closed",
    "added": "incident.added",
    "out": "incident.out",
    "back": "incident.back",
    "told": "incident.told",
}


def get_incident(incident_id: int) -> Incident:
    """Return an incident; a page that isn’t there for none."""
    return db.session.get(Incident, incident_id) or abort(404)


# -- Pages --------------------------------------------------------------------------------


@bp.get("/incidents", endpoint="incidents")
@needs(OWNER)
def incidents_page() -> ResponseReturnValue:
    """Show what is open, and what is documented."""
    closed = incidents.closed_ones()
    return render_template(
        "owner/incidents.html",
        open=incidents.open_ones(),
        closed=closed[:25],
        happened=_happened,
        risk_word=risk_word,
        rehearsed=incidents.last_rehearsed(),
        at=at_place(),
    )


@bp.get(ONE, endpoint="incident")
@needs(OWNER)
def incident_page(incident_id: int) -> ResponseReturnValue:
    """Show one: its clocks, how many it concerns, and what is to be done."""
    return _page(get_incident(incident_id))


@bp.get(f"{ONE}/letter/<any(en, de, fr, zh):language>", endpoint="incident_letter")
@needs(OWNER)
def incident_letter(incident_id: int, language: str) -> ResponseReturnValue:
    """Show the letter of a language, and how it reads."""
    incident = get_incident(incident_id)
    form = LetterForm(formdata=None, data=dict(incidents.texts_of(incident, language)))
    return _letter(incident, language, form)


@bp.get(f"{ONE}/report.txt", endpoint="incident_report")
@needs(OWNER)
def incident_report(incident_id: int) -> ResponseReturnValue:
    """Answer with the report to the authority as a file."""
    incident = get_incident(incident_id)
    name = f"{incident.code}-report.txt"
    return attachment(_report(incident), "text/plain; charset=utf-8", name)


# -- Acts ---------------------------------------------------------------------------------


@bp.post(f"{ONE}/look-again", endpoint="look_again_incident")
@needs(OWNER)
def look_again_incident(incident_id: int) -> ResponseReturnValue:
    """List anew whom it concerns."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents.look_again(incident, now=now)

    return _act(incident_id, EmptyForm, "again_form", act, "looked")


@bp.post(f"{ONE}/risk", endpoint="decide_incident")
@needs(OWNER)
def decide_incident(incident_id: int) -> ResponseReturnValue:
    """Decide how grave it is."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents.decide(
            incident,
            str(form.risk.data),
            str(form.why.data or ""),
            on_purpose=bool(form.on_purpose.data),
            significant=bool(form.significant.data),
            now=now,
        )

    return _act(incident_id, RiskForm, "risk_form", act, "decided", beside="why")


@bp.post(f"{ONE}/letter/<any(en, de, fr, zh):language>", endpoint="write_incident")
@needs(OWNER)
def write_incident(incident_id: int, language: str) -> ResponseReturnValue:
    """Keep the letter of a language."""
    incident, form, now = get_incident(incident_id), LetterForm(), utcnow()
    if not form.validate():
        only_read()
        return _letter(incident, language, form), 422
    parts = {part: str(form[part].data or "").strip() for part in incidents_words.PARTS}
    try:
        incidents_telling.write(incident, language, parts)
    except DomainError as error:
        return refused(incident_id, error)
    put_on_trail(incident, "written", now=now, language=language)
    return redirect(
        url_for(".incident_letter", incident_id=incident.id, language=language, done="written"), 303
    )


@bp.post(f"{ONE}/send", endpoint="send_incident")
@sensitive("owner.incidents")
def send_incident(incident_id: int) -> ResponseReturnValue:
    """Tell the people on the list, each once."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents_telling.send(incident, str(form.typed.data), now=now)

    rehearsal = get_incident(incident_id).rehearsal
    done = "composed" if rehearsal else "sent"
    return _act(incident_id, SendForm, "send_form", act, done, beside="typed")


@bp.post(f"{ONE}/reported", endpoint="report_incident")
@needs(OWNER)
def report_incident(incident_id: int) -> ResponseReturnValue:
    """Note that it was reported to the authority."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        at = at_wall(form.on.data, form.at.time(), zone_here())
        # Of the present minute, the seconds aren't typed.
        at = max(at, min(incident.noticed_at, now)) if (now - at).total_seconds() < 60 else at
        incidents.reported(incident, at, str(form.late_why.data or ""), now=now)

    return _act(incident_id, ReportedForm, "reported_form", act, "reported", beside="late_why")


@bp.post(f"{ONE}/publish", endpoint="publish_incident")
@sensitive("owner.incidents")
def publish_incident(incident_id: int) -> ResponseReturnValue:
    """Make it public, on every page."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents_telling.publish(incident, now=now)

    return _act(incident_id, PublishForm, "publish_form", act, "published")


@bp.post(f"{ONE}/withdraw", endpoint="withdraw_incident")
@needs(OWNER)
def withdraw_incident(incident_id: int) -> ResponseReturnValue:
    """Take the public notice away."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents_telling.withdraw(incident, now=now)

    return _act(incident_id, EmptyForm, "again_form", act, "withdrawn")


@bp.post(f"{ONE}/close", endpoint="close_incident")
@needs(OWNER)
def close_incident(incident_id: int) -> ResponseReturnValue:
    """Close it; it stays documented."""

    def act(incident: Incident, form: Any, now: datetime) -> None:
        incidents.close(incident, str(form.remedy.data), now=now)

    return _act(incident_id, CloseForm, "close_form", act, "closed")


# -- How ----------------------------------------------------------------------------------


def _act(
    incident_id: int,
    kind: type[Form],
    form_name: str,
    verb: Callable[[Incident, Any, datetime], None],
    done: str,
    *,
    beside: str = "",
) -> ResponseReturnValue:
    """Take one form, do one verb, note it, commit, and lead back."""
    incident, form, now = get_incident(incident_id), kind(), utcnow()
    if not form.validate():
        only_read()
        return _page(incident, **{form_name: form}), 422
    try:
        verb(incident, form, now)
    except _BESIDE as error:
        db.session.rollback()
        only_read()
        field: Any = form[beside or "remedy"]
        field.errors = [error.say()]
        return _page(get_incident(incident_id), **{form_name: form}), 422
    except DomainError as error:
        return refused(incident_id, error)
    put_on_trail(incident, done, now=now, rehearsal=incident.rehearsal)
    return to_incident(incident, done)


def put_on_trail(incident: Incident, what: str, *, now: datetime, **detail: Any) -> None:
    """Put what was done on the trail, and commit it."""
    record(_VERBS[what], "incident", incident.id, now=now, **detail)
    db.session.commit()


def to_incident(incident: Incident, done: str) -> ResponseReturnValue:
    """Lead back to an incident, which says what was done."""
    return redirect(url_for(".incident", incident_id=incident.id, done=done), 303)


def refused(incident_id: int, error: DomainError) -> ResponseReturnValue:
    """Show why something was refused."""
    db.session.rollback()
    only_read()
    return _page(get_incident(incident_id), error), 409


def done_words() -> str:
    """Return what was done just now, in words."""
    return just_done(_DONE)


def _happened(incident: Incident) -> str:
    return gettext(incidents_words.HAPPENED[incident.kind])


def _language(code: str) -> str:
    return str(current_locale().languages.get(code, code))


def _report(incident: Incident) -> str:
    found = clocks(incident, place().country, people=incidents.concerned(incident))
    return incidents_words.report(
        incident,
        at=at_place(),
        risk=risk_word(incident.risk),
        late=any(one.is_late(utcnow()) for one in found),
    )


def _page(incident: Incident, error: DomainError | None = None, **forms: Form) -> str:
    now = utcnow()
    people = incidents.concerned(incident)
    proposal = incidents.proposal(incident)
    is_open = incident.state == "open"
    left = incidents_telling.letters(incident, now=now) if is_open else None
    risk: dict[str, Any] = {"risk": incident.risk or proposal.risk, "why": incident.risk_why}
    risk |= {"on_purpose": incident.on_purpose, "significant": incident.significant}
    return render_template(
        "owner/incident.html",
        incident=incident,
        happened=_happened(incident),
        note=incidents_note.opened(incident),
        error=error.say() if error else "",
        done=done_words(),
        clocks=shown.clock_lines(incident, people=people, now=now),
        people=people,
        gone=incidents.gone(incident),
        kinds=_counted(incidents.kinds_of(incident)),
        sealed=_counted(incidents.kinds_of(incident, sealed=True)),
        proposed=risk_word(proposal.risk),
        proposed_why=why_words(proposal.why),
        decided=risk_word(incident.risk),
        left=left,
        how_far=incidents_telling.how_far(incident),
        state_word=shown.state_word,
        missing=[_language(code) for code in incidents_words.missing(incident)],
        tongues=[(code, _language(code)) for code in LANGUAGES],
        language_of=_language,
        words_to_type=incidents_telling.word_of(incident),
        report=_report(incident),
        is_public=incident.public_until is not None and incident.public_until > now,
        at=at_place(),
        empty=EmptyForm(formdata=None),
        **{
            "risk_form": RiskForm(formdata=None, data=risk),
            "send_form": SendForm(formdata=None),
            "reported_form": ReportedForm(formdata=None),
            "publish_form": PublishForm(formdata=None),
            "close_form": CloseForm(formdata=None),
            **forms,
        },
    )


def _counted(kinds: dict[str, int]) -> list[tuple[str, str]]:
    found: dict[str, int] = {}
    for kind, count in kinds.items():
        word = incidents_words.kinds_words([kind])
        found[word] = max(found.get(word, 0), count)
    return [(word, ngettext("one person", "%(num)d people", n)) for word, n in found.items()]


def _letter(incident: Incident, language: str, form: LetterForm) -> str:
    found = incidents_telling.letters(incident, now=utcnow())
    groups = sorted(found.groups.items(), key=lambda one: -len(one[1]))[:_SAMPLES]
    return render_template(
        "owner/incident_letter.html",
        incident=incident,
        form=form,
        language=language,
        tongues=[(code, _language(code)) for code in LANGUAGES],
        missing=incidents_words.missing(incident),
        letters=[
            (len(ids), incidents_words.preview(incident, kinds, language)) for kinds, ids in groups
        ],
        done=done_words(),
    )
