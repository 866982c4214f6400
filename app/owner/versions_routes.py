"""The owner's pages of the documents: versions, drafts, comparing, publishing, taking back."""

from datetime import datetime, timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER, STAFF
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import BY_CODE, LANGUAGES, N_, gettext, ngettext
from app.owner import needs as whats_needed
from app.owner import trail, versions
from app.owner.just_done import just_done
from app.owner.roles import ask_again, needs
from app.owner.routes import at_place, bp
from app.owner.versions_forms import TITLES, PublishForm, StartForm, TextForm
from app.policy import drafts, drafts_publishing, telling
from app.policy.comparing import compared
from app.policy.comparing_routes import summary_lines
from app.policy.documents import COMING, current, standings
from app.policy.drafts import Written
from app.policy.models import DOCUMENTS, Draft, DraftText
from app.policy.routes import day_word
from app.policy.sources import rendered
from app.web.forms import EmptyForm
from app.web.pages import settings

_PAGE = "/versions"
_DRAFT = f"{_PAGE}/drafts/<int(max=2147483647):draft_id>"
_LANGUAGE = f"{_DRAFT}/<any({', '.join(LANGUAGES)}):language>"
_ONE = f"{_PAGE}/<any({', '.join(DOCUMENTS)}):document>/<int(max=9999):number>"
_DONE = {
    "saved": N_("Saved. Nobody but the house sees it yet."),
    "thrown": N_("The draft is thrown away."),
    "published": N_("Published. Everybody is being told, and every page says so."),
    "withdrawn": N_("Taken back. Everybody who was told is being told that too."),
}
"""What was just done, by the word in the address that it leads to."""


# -- Versions and drafts --------------------------------------------------------------------


@bp.get(_PAGE, endpoint="versions")
@needs(STAFF)
def versions_page() -> ResponseReturnValue:
    """List the documents' versions and drafts."""
    return _board(StartForm(formdata=None))


@bp.post(f"{_PAGE}/start", endpoint="start_draft")
@needs(OWNER)
def start_draft() -> ResponseReturnValue:
    """Begin a draft, and lead to it."""
    form, now = StartForm(), utcnow()
    if not form.validate():
        only_read()
        return _board(form), 422
    try:
        made = drafts.start(str(form.document.data), str(form.begin.data), now=now)
    except drafts.NothingToBeginWith as error:
        db.session.rollback()
        only_read()
        form.form_errors.append(error.say())
        return _board(form), 409
    trail.record("draft.started", "draft", made.id, now=now, document=made.document)
    db.session.commit()
    return redirect(url_for(".draft", draft_id=made.id), 303)


@bp.get(_DRAFT, endpoint="draft")
@needs(STAFF)
def draft_page(draft_id: int) -> ResponseReturnValue:
    """Show how far a draft is."""
    found = drafts.draft(draft_id) or abort(404)
    return render_template(
        "owner/version_draft.html",
        work=versions.work(found, now=utcnow()),
        title=gettext(TITLES[found.document]),
        done=just_done(_DONE),
        at=at_place(),
    )


@bp.route(_LANGUAGE, methods=["GET", "POST"], endpoint="edit_draft")
@needs(OWNER)
def edit_draft(draft_id: int, language: str) -> ResponseReturnValue:
    """Write one language of a draft."""
    if request.method == "POST":
        return _saved(draft_id, language)
    found = drafts.draft(draft_id) or abort(404)
    there = drafts.text_of(found, language)
    form = TextForm(formdata=None, data=_values(there))
    return _edit(found, language, form)


def _saved(draft_id: int, language: str) -> ResponseReturnValue:
    """Save what was typed, or give it back with what is in the way."""
    form, now = TextForm(), utcnow()
    if not form.validate():
        only_read()
        found = drafts.draft(draft_id)
        if found is None and not form.text.data:
            abort(404)  # nothing was typed that could be lost
        return _edit(found, language, form), 422 if found else 409
    typed = (str(form.text.data), str(form.summary.data or ""), int(form.revision.data or 0))
    try:
        drafts.save(draft_id, language, Written(*typed), now=now)
    except DomainError as error:
        db.session.rollback()
        only_read()
        form.form_errors.append(error.say())
        return _edit(drafts.draft(draft_id), language, form, clash=True), 409
    trail.record("draft.changed", "draft", draft_id, now=now, language=language)
    db.session.commit()
    return redirect(url_for(".draft", draft_id=draft_id, done="saved"), 303)


@bp.get(f"{_LANGUAGE}/preview", endpoint="preview_draft")
@needs(STAFF)
def preview_draft(draft_id: int, language: str) -> ResponseReturnValue:
    """Show one language of a draft as visitors will see it, and what differs from today's."""
    found = drafts.draft(draft_id) or abort(404)
    there = drafts.text_of(found, language) or abort(404)
    text = versions.shown_text(there.text, language)
    before = current(found.document, language, now=utcnow())
    difference = compared(before.text, text) if before else None
    return render_template(
        "owner/version_preview.html",
        draft=found,
        title=gettext(TITLES[found.document]),
        language=BY_CODE[language],
        text=rendered(text),
        summary=there.summary,
        before=before,
        difference=difference,
        said=summary_lines(difference) if difference else [],
        compares=request.args.get("compare") == "1",
    )


# -- What asks again ------------------------------------------------------------------------


@bp.route(f"{_DRAFT}/throw-away", methods=["GET", "POST"], endpoint="throw_draft_away")
@needs(OWNER)
def throw_draft_away(draft_id: int) -> ResponseReturnValue:
    """Ask, then delete a draft."""
    found, form, now = drafts.draft(draft_id) or abort(404), EmptyForm(), utcnow()
    if form.validate_on_submit():
        document = drafts.throw_away(draft_id)
        trail.record("draft.thrown_away", "draft", draft_id, now=now, document=document)
        db.session.commit()
        return redirect(url_for(".versions", done="thrown"), 303)
    return render_template(
        "owner/version_ask.html",
        what="throw",
        title=gettext(TITLES[found.document]),
        number=draft_id,
        back=url_for(".draft", draft_id=draft_id),
        form=form,
    )


@bp.route(f"{_DRAFT}/publish", methods=["GET", "POST"], endpoint="publish_draft")
@needs(OWNER)
def publish_draft(draft_id: int) -> ResponseReturnValue:
    """Say what publishing does, then do it."""
    if answer := ask_again(url_for(".publish_draft", draft_id=draft_id)):
        return answer
    now = utcnow()
    found = drafts.draft(draft_id) or abort(404)
    if request.method == "GET":
        first = drafts_publishing.first_day(now=now, notice=_notice())
        form = PublishForm(formdata=None, data={"day": first, "seen": drafts.stamp(found)})
        return _publish(found, form, now=now)
    form = PublishForm()
    if not form.validate():
        return _publish_again(draft_id, form, now=now), 422
    day = form.day.data
    assert day is not None  # it is required
    try:
        seen = str(form.seen.data)
        done = drafts_publishing.publish(draft_id, day, seen=seen, now=now, notice=_notice())
    except DomainError as error:
        db.session.rollback()
        status = 409
        if isinstance(error, _DAYS):
            form.day.errors, status = [error.say()], 422
        else:
            form.form_errors.append(error.say())
        return _publish_again(draft_id, form, now=now), status
    document, number = done
    trail.record(
        "version.published", "document", number, now=now, document=document, day=day.isoformat()
    )
    db.session.commit()
    return redirect(url_for(".versions", done="published"), 303)


@bp.route(f"{_ONE}/withdraw", methods=["GET", "POST"], endpoint="withdraw_version")
@needs(OWNER)
def withdraw_version(document: str, number: int) -> ResponseReturnValue:
    """Ask, then take back a version that isn't in force yet."""
    now, form = utcnow(), EmptyForm()
    known = {one.number: one for one in standings(document, now=now)}
    found = known.get(number) or abort(404)
    if form.validate_on_submit():
        try:
            drafts_publishing.withdraw(document, number, now=now)
        except drafts_publishing.InForceAlready as error:
            db.session.rollback()
            only_read()
            form.form_errors.append(error.say())
        else:
            trail.record("version.withdrawn", "document", number, now=now, document=document)
            db.session.commit()
            return redirect(url_for(".versions", done="withdrawn"), 303)
    page = render_template(
        "owner/version_ask.html",
        what="withdraw" if found.state == COMING else "late",
        title=gettext(TITLES[document]),
        number=number,
        back=url_for(".versions"),
        form=form,
    )
    return page, 409 if form.form_errors or found.state != COMING else 200


# -- How ------------------------------------------------------------------------------------

_DAYS = (
    drafts_publishing.TooSoon,
    drafts_publishing.TooFar,
    drafts_publishing.BeforeAnother,
)


def _notice() -> timedelta:
    return timedelta(days=settings().policy_notice_days)


def _board(form: StartForm) -> str:
    return render_template(
        "owner/versions.html",
        board=versions.board(now=utcnow()),
        drafts=drafts.drafts(),
        titles={code: gettext(title) for code, title in TITLES.items()},
        form=form,
        notice_days=_notice().days,
        done=just_done(_DONE),
        day=day_word,
        at=at_place(),
    )


def _values(there: DraftText | None) -> dict[str, Any]:
    if there is None:
        return {"revision": "0"}
    return {"text": there.text, "summary": there.summary, "revision": str(there.revision)}


def _edit(found: Draft | None, language: str, form: TextForm, *, clash: bool = False) -> str:
    """Show one language to write; after a clash, with what the other one saved meanwhile."""
    there = drafts.text_of(found, language) if found else None
    theirs = None
    if found is None and not form.form_errors:
        form.form_errors.append(drafts.DraftGone().say())
    if clash and there is not None:
        theirs = compared(there.text, str(form.text.data))
        # Whoever has seen it may replace it.
        form.revision.data = str(there.revision)
        form.revision.raw_data = None
    return render_template(
        "owner/version_edit.html",
        draft=found,
        title=gettext(TITLES[found.document]) if found else "",
        language=BY_CODE[language],
        form=form,
        theirs=theirs,
        their_summary=there.summary if there and clash else "",
        facts=versions.known_facts(language),
    )


def _publish_again(draft_id: int, form: PublishForm, *, now: datetime) -> str:
    only_read()
    found = drafts.draft(draft_id) or abort(404)
    form.seen.data, form.seen.raw_data = drafts.stamp(found), None
    return _publish(found, form, now=now)


def _publish(found: Draft, form: PublishForm, *, now: datetime) -> str:
    return render_template(
        "owner/version_publish.html",
        work=versions.work(found, now=now),
        title=gettext(TITLES[found.document]),
        form=form,
        people=len(telling.people(now=now)),
        notice_days=_notice().days,
        first=day_word(
            drafts_publishing.midnight(drafts_publishing.first_day(now=now, notice=_notice()))
        ),
    )


whats_needed.register(
    "versions",
    lambda number: ngettext(
        "A new text of the terms or the privacy policy came with the program. It counts only "
        "once you publish it.",
        "%(num)d new texts of the terms and the privacy policy came with the program. They "
        "count only once you publish them.",
        number,
    ),
    "owner.versions",
    count=lambda _now: drafts.offered(),
)
