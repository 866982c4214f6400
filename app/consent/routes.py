"""The cookie page, the answer to it, the receipt, and the chain's published heads."""

import json
import re
from datetime import date
from urllib.parse import parse_qsl, urlencode, urlsplit

from babel.dates import format_date
from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from app.consent import chain, notice, receipts
from app.consent.deciding import CHOOSING
from app.consent.frame import NO_JAR, choose, circumstances, consent, living
from app.consent.notice import Notice
from app.consent.register import ON_REQUEST
from app.consent.signals import HEADERS, signal_in
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import BY_CODE, current_locale, gettext
from app.core.limits import spend
from app.web.attachments import attachment
from app.web.cookies import OPTIONAL, Category, cookie_name
from app.web.network import network
from app.web.pages import private_page, settings
from app.web.paths import local_path

bp = Blueprint("consent", __name__)
well_known = Blueprint("machines", __name__, url_prefix="/.well-known")

HOW = frozenset({"banner", "page", "footer"})
# When what the site does with the signal last changed: RFC 3339, "full-date".
SIGNALS_SINCE = "2026-11-22"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@bp.get("/cookies")
@private_page
def show() -> ResponseReturnValue:
    """Show every category with its cookies, what was chosen, and until when."""
    return _page()


@bp.post("/cookies")
@private_page
def answer() -> ResponseReturnValue:
    """Take an answer: all, nothing, or one field a category. A switch left out is off."""
    answers = _answers()
    if answers is None:
        return _page(gettext("Please choose one of the buttons.")), 422
    shown = _shown()
    if shown is None:
        if any(answers.values()):
            return _page(gettext("The question has changed meanwhile. Please look once more.")), 409
        shown = notice.present()  # a no is a no, whatever was asked
    now = utcnow()
    spend(CHOOSING, network(now), now=now)
    how = request.form.get("from", "page")
    choose(answers, circumstances(how if how in HOW else "page", shown), now=now)
    db.session.commit()
    back = local_path(request.form.get("next")) or url_for(".show")
    return redirect(url_for(".answered", next=back), 303)


@bp.get("/cookies/answered")
@private_page
def answered() -> ResponseReturnValue:
    """Look whether the browser kept the answer, and lead back to where it was given.

    A browser that keeps no cookies is taken at its word: that is a refusal, and it
    isn't asked again on every page. The script asks for JSON, and stays where it is.
    """
    said = consent()
    back = local_path(request.args.get("next")) or url_for(".show")
    kept = said.choice is not None
    if not kept:
        parts = urlsplit(back)
        others = [pair for pair in parse_qsl(parts.query) if pair[0] != "cookies"]
        back = f"{parts.path}?{urlencode([*others, ('cookies', NO_JAR)])}"
    if request.accept_mimetypes.best == "application/json":
        return {"kept": kept, "granted": sorted(said.granted), "next": back, "text": _thanks()}
    return redirect(back, 303)


@bp.get("/cookies/receipt")
@private_page
def receipt() -> ResponseReturnValue:
    """Answer with the receipt of the present choice, as a file to keep."""
    choice = consent().choice or abort(404)
    entry = chain.find(choice.receipt_id, choice.made_at)
    if entry is None or entry.body is None:
        abort(404)
    body = json.loads(entry.body)
    made = receipts.receipt(entry, body, site_url=body["controller"]["id"], now=utcnow())
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    name = f"receipt-{entry.position}.json"
    return attachment(text, "application/json; charset=utf-8", name)


@bp.get("/cookies/receipt.schema.json")
def receipt_schema() -> Response:
    """Answer with the JSON Schema of receipts."""
    response = make_response(json.dumps(receipts.SCHEMA_OF_RECEIPTS, indent=2) + "\n")
    response.content_type = "application/schema+json"
    return response


@bp.get("/cookies/heads")
def heads() -> ResponseReturnValue:
    """Show the heads of the chain, and look a receipt's digest up."""
    asked = request.args.get("digest", "").strip().lower()
    found = chain.entry_of(asked) if asked else None
    return render_template(
        "consent/heads.html",
        now=chain.head(),
        heads=chain.heads(),
        asked=asked if _DIGEST.fullmatch(asked) else "",
        wrong=bool(asked) and not _DIGEST.fullmatch(asked),
        found=found,
        day=_day,
    )


@bp.get("/cookies/heads.json")
def heads_json() -> ResponseReturnValue:
    """Answer with the heads for programs, newest first."""
    last = chain.head()
    return {
        "now": {"position": last.position, "digest": last.digest},
        "heads": [
            {"day": head.day.isoformat(), "position": head.position, "digest": head.digest}
            for head in chain.heads()
        ],
    }


@bp.get("/cookies/notices/<digest>")
def show_notice(digest: str) -> ResponseReturnValue:
    """Show a cookie question exactly as it was when somebody answered it."""
    kept = (notice.find(digest) if _DIGEST.fullmatch(digest) else None) or abort(404)
    return render_template(
        "consent/notice.html",
        kept=kept,
        shown=notice.from_text(json.loads(kept.text)),
        language=BY_CODE[kept.language],
        day=_day,
        prefix=cookie_name(settings(), ""),
    )


@well_known.get("/gpc.json")
def gpc() -> ResponseReturnValue:
    """Say that this site honours Global Privacy Control."""
    return {"gpc": True, "lastUpdate": SIGNALS_SINCE}


def _page(problem: str = "") -> str:
    said = consent()
    alive = living(now=utcnow())
    shown = notice.present()
    sent = {category for category in OPTIONAL if _is_on(category)}
    return render_template(
        "consent/cookies.html",
        notice=shown,
        digest=notice.present_digest(),
        granted=[part.title for part in shown.parts if part.code in alive],
        # What was refused as it was sent is shown as it was sent.
        on=sent if problem else alive,
        choice=said.choice,
        entry=chain.find(said.choice.receipt_id, said.choice.made_at) if said.choice else None,
        problem=problem,
        on_request=ON_REQUEST,
        sends=[
            name for name in HEADERS if signal_in(Headers({name: request.headers.get(name, "")}))
        ],
        day=_day,
        prefix=cookie_name(settings(), ""),
    )


def _day(when: date) -> str:
    """Return a day, or the day of an instant in UTC, in words."""
    return format_date(when, "long", locale=current_locale())


def _answers() -> dict[Category, bool] | None:
    """Return what was answered by category; None where no answer can be read from it."""
    said = request.form.get("choice")
    if said == "custom":
        return {category: _is_on(category) for category in OPTIONAL}
    about = request.form.getlist("about")
    # A question about something that there isn't any more is no question about everything.
    asked = [category for category in OPTIONAL if not about or category.value in about]
    if said not in ("accept", "refuse") or not asked:
        return None
    return dict.fromkeys(asked, said == "accept")


def _is_on(category: Category) -> bool:
    return request.form.get(category.value, "") in ("on", "yes", "1", "true")


def _shown() -> Notice | None:
    """Return the question that was answered; None where it can't be told."""
    digest = request.form.get("notice", "")
    if not digest:
        return notice.present()
    return notice.named(digest) if _DIGEST.fullmatch(digest) else None


def _thanks() -> str:
    said = consent()
    if said.choice is None:
        return gettext("Your browser keeps no cookies. We take that as a no: nothing is noted.")
    if not said.granted:
        return gettext("Thank you. Nothing optional is stored or noted.")
    return gettext("Thank you. You can change this at the foot of every page.")
