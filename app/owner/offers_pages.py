"""What the pages of offers have in common: finding, noting who did what, forms in sections."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.sessions import current_account
from app.booking.catalogue import text
from app.booking.models import OfferRow
from app.core.audit import enter
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import BY_CODE, LANGUAGES, N_, gettext
from app.owner.just_done import just_done
from app.web.forms import Form

ID = "int(max=2147483647)"

_DONE = {
    "made": N_("Here it is, as a draft: visitors don’t see it yet."),
    "changed": N_("It is changed, for whoever books from now on."),
    "on": N_("It is on sale now."),
    "off": N_("It is off sale. What is reserved stays as it is."),
    "removed": N_("It is deleted."),
    "closed": N_("Those days are closed now."),
    "opened": N_("Those days are open again."),
    "picture": N_("The picture is in its place."),
    "no-picture": N_("The picture is gone."),
    "place": N_("The place is set up. Now for what it offers."),
}
"""What was just done, by the word in the address that it leads to."""

_LACKS = {
    "name": N_("name"),
    "summary": N_("sentence"),
    "story": N_("story"),
    "alt": N_("words for the picture"),
}


class Section(NamedTuple):
    """Some fields of a form under one heading."""

    title: str
    hint: str
    fields: Sequence[Any]


def offer_or_404(offer_id: int) -> OfferRow:
    """Return an offer, or answer that there is none."""
    return db.session.get(OfferRow, offer_id) or abort(404)


def name_of(row: Any) -> str:
    """Return what an offer, an extra or a charge is called, in the language of the page."""
    return text(row.texts, "name") or gettext("without a name")


def note_act(verb: str, kind: str, subject: int, **detail: Any) -> None:
    """Enter what whoever is signed in does, in the transaction that does it."""
    account = current_account() or abort(404)
    enter(account.id, account.role, verb, kind, subject, now=utcnow(), **detail)


def done(endpoint: str, word: str, **values: Any) -> ResponseReturnValue:
    """Lead to a page that says what was done."""
    return redirect(url_for(f".{endpoint}", done=word, **values), 303)


def done_word() -> str:
    """Return what was just done, by the address of the page."""
    return just_done(_DONE)


def lacks_word(lacks: dict[str, list[str]]) -> list[str]:
    """Return what is missing in words, a line for each language."""
    return [
        gettext(
            "%(language)s: %(what)s",
            language=BY_CODE[code].name,
            what=gettext(", ").join(gettext(_LACKS[key]) for key in keys),
        )
        for code, keys in lacks.items()
    ]


def word_sections(form: Any) -> list[Section]:
    """Return the fields of texts, a section for each language that says what is missing."""
    sections = []
    for code in LANGUAGES:
        fields = [form[f"{code}_{key}"] for key in form.texts]
        empty = any(not field.data for field in fields)
        hint = gettext("Something is missing here: English is shown for it.") if empty else ""
        if empty and code == "en":
            hint = gettext("Something is missing here.")
        sections.append(Section(BY_CODE[code].name, hint, fields))
    return sections


def rest(form: Form, *others: Sequence[Any]) -> list[Any]:
    """Return the fields of a form that people see, without those of some sections."""
    taken = {field.name for fields in others for field in fields}
    return [
        field
        for field in form
        if field.name not in taken and getattr(field.widget, "input_type", "") != "hidden"
    ]


def form_page(
    form: Form,
    title: str,
    sections: Sequence[Section],
    button: str,
    *,
    back: tuple[str, str],
    lead: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    """Render a form in sections; 422 where it was sent and can't be used."""
    if form.is_submitted() and status == 200:
        status = 422
    page = render_template(
        "owner/offer_form.html",
        form=form,
        title=title,
        sections=sections,
        button=button,
        back=back,
        lead=lead,
        done=done_word(),
    )
    return page, status
