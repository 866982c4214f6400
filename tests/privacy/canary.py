"""Somebody whose every personal value is found nowhere else, and the search for what is left.

They go through the site's own forms wherever one asks; what no form fills is written by
rows, so that each column that the data map calls personal has a value of theirs. A value is
a *word*, searched for in bytes, or a *fact* (a day, a number, one of a few words), which is
looked for in the row that held it.
"""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.accounts.claims import persons_of
from app.accounts.models import Account
from app.accounts.names import account_named
from app.booking.shop import shop
from app.core import outbox
from app.core.database import KEYS, Base, KeysBase, db
from app.core.datamap import personal_columns
from app.core.vault import BlindIndex, PersonKey, vault
from app.guestbook import surveys
from app.guestbook.models import Survey
from app.privacy import erasing
from app.privacy.archiving import STAYS
from app.privacy.models import DONE, Erasure
from app.privacy.subjects import of_account
from app.privacy.tables import person_tables
from tests.accounts.ways import let_in, link_in, newest_mail
from tests.house.canaries import BILLING, BROWSER, PERSON, SHIPPING, forms_of
from tests.house.visitor import Visitor, address_of, key_of, reference_of
from tests.privacy import taking

EMAIL, PASSWORD, USERNAME = PERSON["email"], "kanarienpasswort im nest 77", "kanarienname77"
ASKED, ANSWERED = "Kanarienfrage: was wisst ihr?", "Kanarienantwort: das hier."
WROTE, REPLIED = "Kanarienbrief: ein Nest, bitte.", "Hausbrief an die Kanarie: gern."
DIET, WISHED = "Kanariendiät: keine Rosinen", "Kanarienwunsch: Sand im Käfig"
TOLD, LOOKED = "Kanarienlob: der Ast war gut", "Kanariengrund: Feder gefunden"
AFTERWARDS = datetime(2031, 6, 6, 10, tzinfo=UTC)
"""When they are asked how it was: the day after their stay."""
BOOKED = {
    "name": "Kanarie Gebuchtwerth",
    "email": EMAIL,
    "phone": "+4917139202888",
    "title": "Magistra Buchungsvogel",
    "company": "Gebuchtwerth Vogelhandel OHG",
    "wechat_id": "kanarie_bucht_88",
}
PARCEL = {"extra__sea__buckthorn__parcel": "1"}
HEADERS = {name: BROWSER[name] for name in ("User-Agent", "Referer", "From")}

# Nobody's: no column of these leads to a person (D8), and erasing one can't reach them.
NOBODYS = {"consent_entry", "limit_bucket", "withdrawal", "withdrawal_entry"}
# By the vault alone, in the keys' database.
IN_KEYS = {"blind_index"}
# The demo's bank has the same for everybody.
_NOT_THEIRS_ALONE = {"payment.method_hint"}
_LEAST = 12  # bytes below which a value may stand in a file by chance
_GIVEN = {
    **taking.GIVEN,
    "refund.state": "succeeded",
    "dispute.state": "lost",
    "reservation.held_until": None,
    "activity_line.device": "phone",
}


SEALED_PAPERS = {"invoice.body"}
"""What accounting keeps sealed, under keys of its own, as the plan and the certificate list."""


class Canary:
    """A person with a unique value in every personal column."""

    def __init__(self, app, clock, owner):
        """Let them go through the forms, and write the rest by rows."""
        self.app, self.clock = app, clock
        self.words: dict[str, set[bytes]] = {}  # {where: bytes that must go}
        self.facts: list[tuple[str, type, tuple, str]] = []  # where, model, key, attribute
        self.sealed: list[tuple[str, str, bytes]] = []  # whose, which field, what
        self.seeded: set[str] = set()
        self._by_forms(owner)
        with app.app_context():
            self._by_rows()
            db.session.commit()
        with app.app_context():
            self._collect()

    # -- Forms --------------------------------------------------------------------------------

    def _by_forms(self, owner):
        visitor = Visitor(self.app, cookies=True, headers=HEADERS)
        client = visitor.client
        client.post(
            "/account/register",
            data={"email": EMAIL, "password": PASSWORD, "username": USERNAME, "agrees": "y"},
        )
        client.post(link_in(newest_mail(self.app)), data={"password": PASSWORD})
        with self.app.app_context():
            self.account_id = account_named(EMAIL).id
        self.client = let_in(self.app, self.clock, client, self.account_id)
        texts = {name: value for name, value in PERSON.items() if name != "email"}
        boxes = {"keeps_billing": "y", "keeps_shipping": "y"}
        profile = visitor.open("/account/profile").form("/account/profile")
        saved = visitor.send(profile, **texts, **BILLING, **SHIPPING, **boxes, language="en")
        assert saved.status == 200, saved.words
        held = visitor.hold(visitor.choose_stay(**PARCEL))
        check = visitor.tell(
            held, **BOOKED, **BILLING, **SHIPPING, wants_invoice="y", asks_after="y"
        )
        reservation = visitor.pay(check)
        self.reference = reference_of(reservation)
        receipt = visitor.open(f"{address_of(reservation)}/receipt?key={key_of(reservation)}")
        visitor.send(receipt.form("/receipt"), with_address="y", **BILLING)
        asks = visitor.open("/account/data/requests").form("/requests")
        assert visitor.send(asks, kind="access", words=ASKED).status == 200
        assert (
            owner.post("/owner/requests/1/answer", granted="yes", words=ANSWERED).status_code == 303
        )
        owner.get(f"/owner/reservations/{self.reference}")
        self._in_the_guestbook(visitor, reservation, owner)
        work(self.app, self.clock)

    def _in_the_guestbook(self, visitor, reservation, owner):
        """Wish, write, be answered, be looked up, and say how it was."""
        at, key = address_of(reservation), f"?key={key_of(reservation)}"
        wishes = visitor.open(f"{at}/wishes{key}").form("/wishes")
        said = {"arrival": "18:30", "bed": "two", "diet": DIET, "words": WISHED}
        assert visitor.send(wishes, **said, diet_agreed="y").status == 200
        thread = visitor.open(f"{at}/messages{key}").form("/messages")
        assert visitor.send(thread, body=WROTE).status == 200
        of_it, of_them = f"/owner/reservations/{self.reference}", f"/owner/guests/{self.reference}"
        looked = owner.post(of_them, purpose="other", word=LOOKED, detail="phone")
        assert (owner.post(f"{of_it}/messages", body=REPLIED).status_code, looked.status_code) == (
            303,
            200,
        )
        with self.app.app_context():
            assert surveys.ask_all(shop().venue, now=AFTERWARDS) == 1
            db.session.commit()
            [asked] = db.session.scalars(sa.select(Survey))
            path = f"/survey/{surveys.key_of(asked.reservation)}"
        sheet = visitor.open(path).form(path)
        assert visitor.send(sheet, overall="5", again="1", words=TOLD).status == 200

    # -- Rows ---------------------------------------------------------------------------------

    def _by_rows(self):
        """Fill in what no form has: a row where there is none, a value where one is missing."""
        account = db.session.get(Account, self.account_id)
        self.person_ids = persons_of(account)
        maker = taking.Somebody.__new__(taking.Somebody)
        maker.name, maker.now, maker.given = "kanarie", self.clock(), _GIVEN
        maker.person_id, maker.world, maker.words = self.person_ids[0], {}, {}
        for one in person_tables():
            rows = list(db.session.scalars(one.rows(self.person_ids)))
            if not rows:
                maker._make(one)
            else:
                maker.world[one.name] = sa.inspect(rows[0]).identity[0]
                self._complete(maker, one, rows[0])
            db.session.flush()

    def _complete(self, maker, one, row):
        for field in one.personal:
            if getattr(row, field.attribute) is not None and field.path not in _NOT_THEIRS_ALONE:
                continue
            column = one.model.__table__.columns[field.name]
            if field.declared.readable:
                setattr(row, field.attribute, maker._value(column, field.path, field))
            else:
                text = maker._sealed(field, taking.word(maker.name, field.path))
                setattr(row, field.attribute, text)

    # -- What must go -------------------------------------------------------------------------

    def _collect(self):
        vault().unlock(self.person_ids)
        for one in person_tables():
            for row in db.session.scalars(one.rows(self.person_ids)):
                for field in one.personal:
                    self._note(one, row, field)
        keys, indexes = PersonKey, BlindIndex
        for row in db.session.scalars(sa.select(keys).where(keys.person_id.in_(self.person_ids))):
            self._word("person_key.wrapped", bytes(row.wrapped))
        mine = sa.select(indexes).where(indexes.person_id.in_(self.person_ids))
        for row in db.session.scalars(mine):
            self.seeded.add("blind_index.digest")
            self._word("blind_index.digest", bytes(row.digest))
        for person_id in self.person_ids:
            self._word("person.id", person_id.encode())
        for word in (PASSWORD, *HEADERS.values()):
            self._word("what was never kept", *forms_of(word))

    def _note(self, one, row, field):
        value = getattr(row, field.attribute)
        if value is None:
            return
        self.seeded.add(field.path)
        identity = tuple(sa.inspect(row).identity)
        self.facts.append((field.path, one.model, identity, field.attribute))
        if not field.declared.readable:
            raw = bytes(getattr(row, f"_{field.attribute}"))
            self.sealed.append((_sealed_for(row), field.path, raw))
            if field.path not in SEALED_PAPERS:
                self._word(field.path, raw)
            for word in _words_in(value):
                self._word(field.path, *forms_of(word))
        elif isinstance(value, bytes):
            self._word(field.path, value)
        elif isinstance(value, str) and "kanarie" in value.casefold():
            self._word(field.path, *forms_of(value))

    def _word(self, where, *found):
        long_enough = {one for one in found if len(one) >= _LEAST}
        self.words.setdefault(where, set()).update(long_enough)

    # -- Being erased -------------------------------------------------------------------------

    def erase(self):
        """Have them erased to the end, as by their own page and the worker."""
        with self.app.app_context():
            made = erasing.ask(
                of_account(db.session.get(Account, self.account_id)), now=self.clock()
            )
            erasure_id = made.id
            db.session.commit()
        with self.app.app_context():
            erasing.go_on(erasure_id, now=self.clock())
            erasure = db.session.get_one(Erasure, erasure_id)
            assert erasure.state == DONE, (erasure.state, erasure.stage, erasure.runs_on)
        work(self.app, self.clock)

    def facts_left(self):
        """Return where a value still stands in the row that held it."""
        with self.app.app_context():
            left = set()
            for where, model, identity, attribute in self.facts:
                row = db.session.get(model, identity)
                column = attribute
                if row is not None and hasattr(model, f"_{attribute}"):
                    column = f"_{attribute}"
                if row is not None and getattr(row, column) is not None:
                    left.add(where)
            return left

    def left(self, instance, logs=""):
        """Return where anything of theirs is found, in whatever holds bytes."""
        found = {
            f"{where} in {path.relative_to(instance)}"
            for path in sorted(instance.rglob("*"))
            if path.is_file()
            for where in self._in(path.read_bytes())
        }
        found |= {f"{where} in the logs" for where in self._in(logs.encode())}
        with self.app.app_context():
            for bind in (None, KEYS):
                if db.engines[bind].dialect.name == "postgresql":
                    found |= self._in_rows(bind)
        return found

    def _in(self, content):
        return {where for where, words in self.words.items() if any(w in content for w in words)}

    def _in_rows(self, bind):
        """Search every row of a database of PostgreSQL, as text; bytes are written in hex.

        What lies in pages that no row uses any more, and in its own journal, isn't seen:
        there the sealed values are without their key, and nothing else can be asked.
        """
        metadata = KeysBase.metadata if bind else Base.metadata
        found = set()
        with db.engines[bind].connect() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(sa.text(f'SELECT t::text FROM "{table.name}" AS t'))
                content = "\n".join(rows.scalars()).encode()
                found |= {
                    f"{where} in {table.name}"
                    for where, words in self.words.items()
                    if any(w in content or w.hex().encode() in content for w in words)
                }
        return found

    def opens(self):
        """Return what of theirs can be opened with the present keys."""
        with self.app.app_context():
            found = set()
            for person_id, path, raw in self.sealed:
                try:
                    vault().open(person_id, path, raw)
                except LookupError:
                    continue
                found.add(path)
            return found


def unseeded(canary):
    """Return the personal columns in which the canary has nothing: there must be none."""
    return {
        path
        for column, _ in personal_columns(Base.metadata, KeysBase.metadata)
        if (path := f"{column.table.name}.{column.name}") not in canary.seeded
        and column.table.name not in NOBODYS
    }


def stays(where):
    """Whether it is listed that a value stays in the papers of the books."""
    return where in STAYS or where in SEALED_PAPERS


def work(app, clock):
    """Let the worker do what is due."""
    with app.app_context():
        while outbox.run_due(now=clock()):
            pass


def _sealed_for(row):
    return str(getattr(row, str(getattr(type(row), "__sealed_for__", type(row).__person__))))


def _words_in(value):
    """Return what to search for of an opened value: of an address or a paper, its lines."""
    ours = (*BILLING.values(), *SHIPPING.values(), *PERSON.values(), *BOOKED.values())
    if value.startswith("{"):
        return [word for word in ours if word in value] + _kanaries(value)
    return [value]


def _kanaries(text):
    return [part for part in text.replace('"', " ").split() if part.startswith("kanarie-")]
