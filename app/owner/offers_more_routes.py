"""The owner's pages of extras, fees and taxes."""

from typing import Any

from flask import abort, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.booking.models import ChargeRow, ExtraRow
from app.booking.shop import shop
from app.core.database import db
from app.core.languages import gettext
from app.owner import offers, offers_more
from app.owner.offers_forms import ChargeForm, ExtraForm
from app.owner.offers_pages import ID, Section, done, form_page, note_act, rest, word_sections
from app.owner.roles import needs
from app.owner.routes import bp

_EXTRA = f"/offers/extras/<{ID}:extra_id>"
_CHARGE = f"/offers/charges/<{ID}:charge_id>"


@bp.route("/offers/extras/new", methods=["GET", "POST"], endpoint="new_extra")
@needs(OWNER)
def new_extra() -> ResponseReturnValue:
    """Offer something to add to stays or sessions."""
    return _extra(ExtraRow(texts={}, code=""), {"with_stays": True, "position": 0, "most": 1})


@bp.route(_EXTRA, methods=["GET", "POST"], endpoint="extra")
@needs(OWNER)
def change_extra(extra_id: int) -> ResponseReturnValue:
    """Change an extra."""
    row = db.session.get(ExtraRow, extra_id) or abort(404)
    kinds = row.offer_kinds.split(",")
    names = ("minor", "basis", "most", "posted", "position")
    values = {name: getattr(row, name) for name in names}
    values |= {
        "vat": row.vat_bp,
        "with_stays": "stay" in kinds,
        "with_sessions": "session" in kinds,
    }
    return _extra(row, values)


def _extra(row: ExtraRow, values: dict[str, Any]) -> ResponseReturnValue:
    form = ExtraForm(shop().venue.currency, data={**values, **ExtraForm.shown(row.texts)})
    if form.validate_on_submit():
        kinds = [("stay", form.with_stays.data), ("session", form.with_sessions.data)]
        row.code = row.code or _code(ExtraRow, form, "extra")
        offers_more.put(
            row,
            form.words,
            {
                "minor": form.minor.data,
                "basis": form.basis.data,
                "vat_bp": form.vat.data,
                "most": form.most.data,
                "posted": bool(form.posted.data),
                "position": form.position.data,
                "offer_kinds": ",".join(kind for kind, ticked in kinds if ticked),
            },
        )
        note_act("extra", "extra", row.id, minor=row.minor)
        db.session.commit()
        return done("offers", "changed")
    return _page(form, gettext("Something to add"))


@bp.post(f"{_EXTRA}/delete", endpoint="delete_extra")
@needs(OWNER)
def delete_extra(extra_id: int) -> ResponseReturnValue:
    """Offer an extra no more."""
    offers_more.remove_extra(db.session.get(ExtraRow, extra_id) or abort(404))
    note_act("extra_deleted", "extra", extra_id)
    db.session.commit()
    return done("offers", "removed")


@bp.route("/offers/charges/new", methods=["GET", "POST"], endpoint="new_charge")
@needs(OWNER)
def new_charge() -> ResponseReturnValue:
    """Add a fee or a tax to every stay."""
    return _charge(ChargeRow(texts={}, code=""), {"kind": "fee", "basis": "stay"})


@bp.route(_CHARGE, methods=["GET", "POST"], endpoint="charge")
@needs(OWNER)
def change_charge(charge_id: int) -> ResponseReturnValue:
    """Change a fee or a tax."""
    row = db.session.get(ChargeRow, charge_id) or abort(404)
    values = {"kind": row.kind, "minor": row.minor, "basis": row.basis, "vat": row.vat_bp}
    return _charge(row, values)


def _charge(row: ChargeRow, values: dict[str, Any]) -> ResponseReturnValue:
    form = ChargeForm(shop().venue.currency, data={**values, **ChargeForm.shown(row.texts)})
    if form.validate_on_submit():
        row.code = row.code or _code(ChargeRow, form, "charge")
        kept = {name: form[name].data for name in ("kind", "minor", "basis")}
        offers_more.put(row, form.words, {**kept, "vat_bp": form.vat.data})
        note_act("charge", "charge", row.id, minor=row.minor)
        db.session.commit()
        return done("offers", "changed")
    return _page(form, gettext("A fee or a tax on every stay"))


@bp.post(f"{_CHARGE}/delete", endpoint="delete_charge")
@needs(OWNER)
def delete_charge(charge_id: int) -> ResponseReturnValue:
    """Ask for a fee or tax no more."""
    offers_more.remove_charge(db.session.get(ChargeRow, charge_id) or abort(404))
    note_act("charge_deleted", "charge", charge_id)
    db.session.commit()
    return done("offers", "removed")


def _code(model: Any, form: Any, kind: str) -> str:
    name = offers.plain_name(offers.first_name(form.words)) or kind
    return offers_more.code_of(model, name)


def _page(form: Any, title: str) -> ResponseReturnValue:
    sections = word_sections(form)
    others = rest(form, *(section.fields for section in sections))
    return form_page(
        form,
        title,
        [Section("", "", others), *sections],
        gettext("Change it for new reservations"),
        back=(url_for(".offers"), gettext("Offers")),
        lead=gettext("Reservations that there are stay as they were made."),
    )
