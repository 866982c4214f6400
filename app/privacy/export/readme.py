"""The README of a download: all that Article 15(1) of the GDPR asks for, and what each file is."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import current_app

from app.accounts.disclosures import of_persons
from app.booking.shop import shop, zone_here
from app.consent.models import PersonPermission
from app.core.database import db
from app.core.datamap import Kind, Purpose, Retention
from app.core.languages import gettext
from app.policy.recipients import listed
from app.privacy import clocks
from app.privacy.export.pages import render
from app.privacy.export.reading import KEPT, shown_tables
from app.privacy.held import because, received_lines
from app.privacy.requests import law_here
from app.privacy.retention import RULES
from app.privacy.tables import Field, PersonTable
from app.privacy.terms import place
from app.privacy.values import instant_text
from app.privacy.words import group_of, group_word, kind_word, purposes_of, table_word
from app.web.pages import outside_url, settings


def readme_text(person_ids: list[str], *, now: datetime) -> str:
    """Return `README.txt` in the current language, for these persons."""
    there, law = _what_is_there(person_ids), place().law
    declared = [column.declared for one in there for column in one.fields if column.declared]
    purposes = {purpose for one in there for purpose in _purposes(one)} | _allowed(person_ids)
    kinds = {one.kind for one in declared}
    rules = {one.retention for one in declared} | {Retention.PERSON, Retention.EXPORT}
    filled = {one.table.name for one in there}

    egress = current_app.extensions["egress"]
    text = "".join(
        render(
            "readme.txt",
            venue=shop().venue,
            home=settings().site_url,
            data_url=outside_url("privacy.data"),
            recipients_url=outside_url("policy.show_recipients"),
            made_at=instant_text(now, zone_here()),
            why=[because(one) for one in Purpose if one in purposes],
            kinds=[kind_word(one) for one in Kind if one in kinds],
            recipients=[
                gettext("%(name)s: %(gets)s", name=gettext(one.name), gets=gettext(one.gets))
                for one in listed(egress)
            ],
            received=received_lines(of_persons(person_ids)),
            periods=[RULES[one].say(law) for one in Retention if one in rules],
            complain=gettext(clocks.clock_of(law_here()).complain),
            tables=[
                (
                    f"csv/{one.table.name}.csv",
                    table_word(one.table),
                    group_word(group_of(one.table)),
                )
                for one in there
            ],
            empty=[f"csv/{one.name}.csv" for one in shown_tables() if one.name not in filled],
            has_invoices="invoice" in filled,
            kept=KEPT,
        )
    )
    # With a mark at its front, so that an old editor doesn't take it for another code page;
    # and without the signs at which only a page breaks a long word.
    return "\ufeff" + text.replace("\u00ad", "").replace("\n", "\r\n")


@dataclass(frozen=True, slots=True)
class _There:
    """A table that has rows of a person, and those of its columns in which something stands."""

    table: PersonTable
    fields: list[Field]


def _what_is_there(person_ids: list[str]) -> list[_There]:
    """Return the tables with something of these persons in them; nothing sealed is opened.

    An answer under Article 15 is about this person, not about anybody.
    """
    found = []
    for table in shown_tables():
        columns = table.model.__table__.columns
        counts = [sa.func.count(columns[field.name]) for field in table.columns]
        query = table.rows(person_ids).order_by(None).with_only_columns(sa.func.count(), *counts)
        rows, *filled = db.session.execute(query).one()
        if rows:
            together = zip(table.columns, filled, strict=True)
            found.append(_There(table, [field for field, count in together if count]))
    return found


def _purposes(there: _There) -> list[Purpose]:
    """Return why what is there is held; of a table that has nothing personal, why its rows are."""
    if not there.table.personal:
        return list(purposes_of(there.table))
    personal = [field.declared for field in there.fields if field.declared]
    return [purpose for one in personal for purpose in one.purposes]


def _allowed(person_ids: list[str]) -> set[Purpose]:
    """Return what they said yes to and haven't taken back: a use, though nothing came of it."""
    query = sa.select(PersonPermission.purpose).where(
        PersonPermission.person_id.in_(person_ids), PersonPermission.ended_at.is_(None)
    )
    return {Purpose(one) for one in db.session.scalars(query) if one in set(Purpose)}
