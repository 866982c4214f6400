"""The owner's pages for the picture of an offer, and of the place."""

from typing import Any, ClassVar

import wtforms
from flask import abort, render_template
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from app.accounts.models import STAFF
from app.booking.models import OfferRow, VenueRow
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import current_language, gettext
from app.core.languages import lazy_gettext as _l
from app.owner import pictures, venue
from app.owner.offers_fields import NOBODYS, said_in_each_language
from app.owner.offers_forms import WordsForm
from app.owner.offers_pages import done, name_of, note_act, offer_or_404, word_sections
from app.owner.offers_routes import ONE
from app.owner.roles import needs
from app.owner.routes import bp
from app.web.forms import Asked, EmptyForm
from app.web.uploads import takes_files


class PictureField(Asked, wtforms.FileField):
    """A file; its content decides what it is, never its name, which is kept nowhere."""

    machine_made = True  # no text to be looked through
    attributes: ClassVar[dict[str, Any]] = {"accept": "image/jpeg,image/png,image/webp"}

    def process_formdata(self, values: list[Any]) -> None:
        """Read the file, unless none was chosen."""
        found = next((one for one in values if isinstance(one, FileStorage)), None)
        self.data = found.stream.read(pictures.MOST_BYTES + 1) if found else b""


@said_in_each_language("alt")
class PictureForm(WordsForm):
    """A picture, and what it shows in words, in each language."""

    is_part = False
    file = PictureField(_l("Picture"), collects=NOBODYS)

    @property
    def alts(self) -> dict[str, str]:
        """What was typed, by language."""
        return {code: words["alt"] for code, words in self.words.items()}

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether there are words for the picture, in the language of the page at least."""
        fine = super().validate(extra_validators)
        if fine and not any(self.alts.values()):
            field = self[f"{current_language()}_alt"]
            field.errors = [gettext("Please say what it shows, for who can’t see it.")]
            return False
        return fine


@bp.route(f"{ONE}/picture", methods=["GET", "POST"], endpoint="offer_picture")
@needs(STAFF)
def offer_picture(offer_id: int) -> ResponseReturnValue:
    """Give an offer a picture, or other words for the one that it has."""
    row = offer_or_404(offer_id)
    return _picture(row, "offer", name_of(row), {"offer_id": offer_id})


@bp.route("/place/picture", methods=["GET", "POST"], endpoint="place_picture")
@needs(STAFF)
def place_picture() -> ResponseReturnValue:
    """Give the place a picture."""
    row = venue.the_place() or abort(404)
    return _picture(row, "venue", row.name, {})


def _picture(
    row: OfferRow | VenueRow, kind: str, name: str, values: dict[str, Any]
) -> ResponseReturnValue:
    form = PictureForm(data=PictureForm.shown(row.texts))
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        picture = row.picture
        try:
            if form.file.data:
                picture = pictures.keep(form.file.data, now=utcnow())
        except pictures.NoPicture as error:
            db.session.rollback()
            form.file.errors = [error.say()]
        else:
            if picture:
                return _shown(row, kind, picture, form.alts, values)
            form.file.errors = [gettext("Please choose a picture.")]
    page = render_template(
        "owner/offer_picture.html",
        name=name,
        picture=row.picture,
        form=form,
        sections=word_sections(form),
        back=("owner.offer" if kind == "offer" else "owner.offers", values),
        most=pictures.MOST_BYTES // 1_000_000,
        empty=EmptyForm(formdata=None),
        remove=(f"owner.remove_{'offer' if kind == 'offer' else 'place'}_picture", values),
    )
    return page, status


@bp.post(f"{ONE}/picture/delete", endpoint="remove_offer_picture")
@needs(STAFF)
def remove_offer_picture(offer_id: int) -> ResponseReturnValue:
    """Take an offer's picture away."""
    return _shown(offer_or_404(offer_id), "offer", "", {}, {"offer_id": offer_id})


@bp.post("/place/picture/delete", endpoint="remove_place_picture")
@needs(STAFF)
def remove_place_picture() -> ResponseReturnValue:
    """Take the picture of the place away."""
    return _shown(venue.the_place() or abort(404), "venue", "", {}, {})


def _shown(
    row: OfferRow | VenueRow, kind: str, picture: str, alts: dict[str, str], values: dict[str, Any]
) -> ResponseReturnValue:
    pictures.show(row, picture, alts)
    of_offer = kind == "offer"
    note_act("picture" if picture else "picture_gone", "offer" if of_offer else "venue", row.id)
    db.session.commit()
    word = "picture" if picture else "no-picture"
    return done("offer" if of_offer else "offers", word, **values)


for _endpoint in ("owner.offer_picture", "owner.place_picture"):
    takes_files(_endpoint, pictures.MOST_BYTES)
