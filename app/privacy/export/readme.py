"""The README of a download: all that Article 15(1) of the GDPR asks for, and what each file is."""

from datetime import datetime

from flask import current_app

from app.accounts.disclosures import of_persons
from app.booking.shop import shop, zone_here
from app.core.datamap import Kind, Purpose, Retention
from app.core.languages import gettext
from app.policy.recipients import listed
from app.privacy import clocks
from app.privacy.export.pages import render
from app.privacy.export.reading import KEPT, shown_tables
from app.privacy.held import because, received_lines
from app.privacy.requests import law_here
from app.privacy.retention import RULES
from app.privacy.terms import place
from app.privacy.values import instant_text
from app.privacy.words import group_of, group_word, kind_word, purposes_of, table_word
from app.web.pages import outside_url, settings


def readme_text(person_ids: list[str], *, now: datetime) -> str:
    """Return `README.txt` in the current language, for these persons."""
    tables, law = shown_tables(), place().law
    declared = [column.declared for table in tables for column in table.columns if column.declared]
    purposes = {purpose for table in tables for purpose in purposes_of(table)}
    kinds = {one.kind for one in declared}
    rules = {one.retention for one in declared} | {Retention.PERSON, Retention.EXPORT}

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
                (f"csv/{table.name}.csv", table_word(table), group_word(group_of(table)))
                for table in tables
            ],
            kept=KEPT,
        )
    )
    # With a mark at its front, so that an old editor doesn't take it for another code page.
    return "\ufeff" + text.replace("\n", "\r\n")
