"""Taking one's own data along: asked for, looked at while it is made, fetched."""

from collections.abc import Iterator

from babel.numbers import format_decimal, format_percent
from flask import Response, abort, redirect, render_template
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.shop import zone_here
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.languages import current_locale, gettext
from app.core.purposes import streamed
from app.privacy import export_mails, exporting  # noqa: F401 (the mails register themselves)
from app.privacy.blueprint import bp
from app.privacy.models import READY, Export
from app.privacy.retention import EXPORT_KEPT
from app.privacy.subjects import Subject, ask_again, present
from app.web.attachments import attachment
from app.web.errors import error_page
from app.web.forms import EmptyForm


@bp.get("/account/data/download", endpoint="download")
@bp.get("/data/<key>/download", endpoint="download")
def download_page(key: str | None = None) -> ResponseReturnValue:
    """Show how far a download is, or offer to have one made."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    now, zone = utcnow(), zone_here()
    latest = next(iter(exporting.of_subject(subject)), None)
    gone = latest is not None and exporting.is_gone(latest, now=now)
    stuck = latest is not None and exporting.is_stuck(latest, now=now)
    return render_template(
        "privacy/download.html",
        subject=subject,
        state="gone" if gone else "failed" if stuck else latest.state if latest else "",
        latest=latest,
        share=_share(latest) if latest else "",
        size=_size(latest.size or 0) if latest else "",
        until=wording.day_and_time(latest.expires_at, zone)
        if latest is not None and latest.expires_at is not None
        else "",
        hours=int(EXPORT_KEPT.total_seconds() // 3600),
        form=EmptyForm(formdata=None),
    )


@bp.post("/account/data/download", endpoint="order_download")
@bp.post("/data/<key>/download", endpoint="order_download")
def order_download(key: str | None = None) -> ResponseReturnValue:
    """Have a download made, once it is clear who asks."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    page = subject.url("privacy.download")
    form = EmptyForm()
    if not form.validate_on_submit():
        return error_page(422)
    if (proof := ask_again(subject, page)) is not None:
        return proof
    in_one_go(lambda: exporting.ask(subject, now=utcnow()).id)
    return redirect(page, 303)


@bp.get("/account/data/download/<int:export_id>.zip", endpoint="fetch")
@bp.get("/data/<key>/download/<int:export_id>.zip", endpoint="fetch")
def fetch(export_id: int, key: str | None = None) -> ResponseReturnValue:
    """Answer with the file, piece by piece, to whoever it is of and has just shown it."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    found = exporting.find(subject, export_id) or abort(404)
    if exporting.is_gone(found, now=utcnow()):
        return error_page(
            410,
            gettext("It was deleted when its time was over. You can have another one made."),
            gettext("This copy is gone"),
        )
    if found.state != READY:
        abort(404)
    if (proof := ask_again(subject, subject.url("privacy.download"))) is not None:
        return proof
    return _file(found)


def _file(export: Export) -> Response:
    pieces: Iterator[bytes] = exporting.pieces(export)
    name = f"my-data-{export.ready_at:%Y-%m-%d}.zip"
    response = attachment(streamed(pieces), "application/zip", name)
    # A browser that gets fewer bytes than this says that the file is broken.
    response.content_length = export.size or 0
    return response


def _share(export: Export) -> str:
    done = export.done / export.total if export.total else 0
    return str(format_percent(done, format="#,##0%", locale=current_locale()))


def _size(size: int) -> str:
    """Return a size in units of a thousand, as networks and file lists count."""
    if size < 1_000_000:
        number = format_decimal(max(1, round(size / 1000)), locale=current_locale())
        return gettext("%(number)s kB", number=number)
    number = format_decimal(round(size / 1_000_000, 1), locale=current_locale())
    return gettext("%(number)s MB", number=number)
