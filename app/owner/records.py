"""The records of processing: what an authority asks to see, made from the registries.

GDPR, Article 30(1): for each purpose the people, the kinds of data, the recipients, transfers,
periods and safeguards. PIPL, articles 55 and 56, ask besides what is sensitive and what is
decided by machines. Nothing is written here by hand that the program knows better.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Final

from app.continuity.controller_scope import GOES
from app.core.database import Base, KeysBase
from app.core.datamap import Kind, Personal, Purpose, Retention, personal_columns
from app.core.egress import MAIL_RELAY, PUSH_SERVICE
from app.core.languages import N_, gettext
from app.owner.figures_files import harmless
from app.payments.stripe.provider import STRIPE
from app.policy.recipients import Listed, country_word
from app.privacy import terms
from app.privacy.clauses import PURPOSES
from app.privacy.retention import RULES
from app.privacy.words import kind_word, purpose_ground, purpose_word

_GUESTS, _HOLDERS, _VISITORS = N_("guests"), N_("holders of accounts"), N_("visitors of the site")
_TEAM = N_("those who run the house")
_SUBJECTS: Final = {
    Purpose.SIGN_IN: (_HOLDERS, _TEAM),
    Purpose.ACCOUNT: (_HOLDERS, _TEAM),
    Purpose.SECURITY: (_GUESTS, _HOLDERS, _TEAM),
    Purpose.PROOF: (_VISITORS,),
    Purpose.STATISTICS: (_VISITORS,),
    Purpose.SUGGESTIONS: (_VISITORS,),
    Purpose.RIGHTS: (_GUESTS, _HOLDERS),
    Purpose.AGREEMENT: (_GUESTS, _HOLDERS),
    Purpose.NOTICE: (_GUESTS, _HOLDERS),
}
"""Whose data they are, by purpose; guests', where nothing is said."""

_MAILED: Final = frozenset(
    {
        Purpose.RESERVATION,
        Purpose.INVOICE,
        Purpose.SIGN_IN,
        Purpose.SECURITY,
        Purpose.ACCOUNT,
        Purpose.RIGHTS,
        Purpose.SERVICE,
        Purpose.ARRIVAL,
        Purpose.SURVEY,
        Purpose.NOTICE,
    }
)
_SERVES: Final = {
    MAIL_RELAY.code: _MAILED,
    PUSH_SERVICE.code: frozenset({Purpose.NOTICE}),
    STRIPE.code: frozenset({Purpose.RESERVATION}),
}
"""For which purposes a recipient of the register is sent something."""
_SERVES_OF_CLAUSE: Final = {"C21": frozenset({Purpose.PARTNER}), "C24": frozenset(GOES)}
"""The same of those who are rows: partners, and another who takes over."""

SENSITIVE: Final = frozenset({Kind.WISH, Kind.CREDENTIAL, Kind.PAYMENT})
"""What PIPL, article 28, may count as sensitive: diets, credentials, what touches an account."""

MEASURES: Final = (
    N_("Values that tell of a person are sealed (AES-256-GCM) under a key of that person’s own."),
    N_("Keys lie in a database of their own, under a master key that neither database holds."),
    N_("Those who run the house sign in with two factors, and see what their role needs."),
    N_("Details are opened one at a time, for a purpose that is noted; people can read the note."),
    N_("Every act of the house is written into a trail that shows if it was changed."),
    N_("Everything leaves by one door, to nobody who isn’t on the list of recipients."),
    N_("Data go by themselves on their day; the daily run is kept in numbers."),
    N_("Backups are encrypted; a restore is rehearsed, and repeats every erasure."),
    N_("No decision about a person is left to a machine."),
)
"""The safeguards in general terms (GDPR, Articles 30(1)(g) and 32)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One purpose, as the records have it. Texts are in the current language."""

    purpose: str
    clause: str
    ground: str
    subjects: tuple[str, ...]
    kinds: tuple[str, ...]
    sensitive: tuple[str, ...]
    recipients: tuple[str, ...]
    transfers: tuple[str, ...]  # countries
    periods: tuple[str, ...]
    sealed: int  # columns
    readable: int


def records(listed: list[Listed]) -> list[Record]:
    """Return the records, a purpose each, in the order of the data map.

    `listed` is everybody whom the installation can send anything to.
    """
    law = terms.place().law
    said = {rule: RULES[rule].say(law) for rule in Retention}
    held: dict[Purpose, list[Personal]] = {}
    for _, declared in personal_columns(Base.metadata, KeysBase.metadata):
        for purpose in declared.purposes:
            held.setdefault(purpose, []).append(declared)
    return [_record(one, held.get(one, []), said, _gets(one, listed)) for one in Purpose]


def _record(
    purpose: Purpose,
    held: list[Personal],
    said: dict[Retention, str],
    gets: list[tuple[str, str]],
) -> Record:
    kinds = list(dict.fromkeys(one.kind for one in held))
    unknown = gettext("country not written down")
    return Record(
        purpose=purpose_word(purpose),
        clause=PURPOSES[purpose],
        ground=purpose_ground(purpose),
        subjects=tuple(map(gettext, _SUBJECTS.get(purpose, (_GUESTS,)))),
        kinds=tuple(map(kind_word, kinds)),
        sensitive=tuple(kind_word(kind) for kind in kinds if kind in SENSITIVE),
        recipients=tuple(name for name, _ in gets),
        transfers=tuple(dict.fromkeys(country or unknown for _, country in gets)),
        periods=tuple(dict.fromkeys(said[one.retention] for one in held)),
        sealed=sum(1 for one in held if not one.readable),
        readable=sum(1 for one in held if one.readable),
    )


def _gets(purpose: Purpose, listed: list[Listed]) -> list[tuple[str, str]]:
    """Return who is sent something for a purpose: names and countries."""
    return [
        (gettext(one.name), country_word(one.country))
        for one in listed
        if purpose in _SERVES.get(one.code, _SERVES_OF_CLAUSE.get(one.clause, frozenset()))
    ]


def heads() -> list[str]:
    """Return the heads of the columns, in the current language."""
    return list(
        map(
            gettext,
            (
                N_("Purpose"),
                N_("Clause"),
                N_("Ground"),
                N_("Whose data"),
                N_("Kinds of data"),
                N_("Of these perhaps sensitive"),
                N_("Recipients"),
                N_("Sent to which countries"),
                N_("Periods"),
                N_("Values sealed"),
                N_("Values readable"),
            ),
        )
    )


def cells(one: Record) -> Iterator[str]:
    """Yield a record's cells, in the order of `heads`."""
    for value in (
        one.purpose,
        one.clause,
        one.ground,
        one.subjects,
        one.kinds,
        one.sensitive,
        one.recipients,
        one.transfers,
        one.periods,
        one.sealed,
        one.readable,
    ):
        yield "; ".join(value) if isinstance(value, tuple) else str(value)


def as_csv(found: list[Record], front: list[tuple[str, str]]) -> bytes:
    """Return the records as a file that spreadsheets open, with the controller's lines first."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([head, harmless(value)] for head, value in front)
    writer.writerow([])
    writer.writerow(heads())
    writer.writerows([harmless(cell) for cell in cells(one)] for one in found)
    writer.writerow([])
    writer.writerows([gettext("Safeguards"), gettext(one)] for one in MEASURES)
    return text.getvalue().encode("utf-8-sig")
