"""Every column says what it holds, and every question where its answer goes (D1, C01)."""

import re

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column

from app.core.database import Base, KeysBase, kept, plain, sealed, whose
from app.core.datamap import (
    Kind,
    Personal,
    PersonLink,
    Purpose,
    Retention,
    declaration,
    personal_columns,
)
from app.web.addresses import AddressField
from app.web.forms import all_forms

CLAUSES = frozenset(f"C{number:02}" for number in range(1, 27))
A_NAME = Personal(Kind.NAME, (Purpose.RESERVATION,), Retention.BOOKING, "C03")


def models_of(base):
    """Return {table: model} of a base, of which tests make others."""
    return {mapper.local_table: mapper.class_ for mapper in base.registry.mappers}


def way_is_sound(model):
    """Say whether a model's way to the person leads over columns that are there."""
    table = model.__table__
    if "__person__" in vars(model):
        column = model.__person__
        if column is None:
            return True  # nobody can be found; the column's own reason says why
        return isinstance(declaration(table.columns[column]), PersonLink)
    step, column = model.__path_to_person__.split(".")
    relation = sa.inspect(model).relationships[step]
    target = relation.mapper.class_
    return isinstance(declaration(target.__table__.columns[column]), PersonLink)


def faults(base):
    """Return what the columns of a base leave unsaid, or say wrongly."""
    found = []
    for table, model in models_of(base).items():
        personal = False
        for column in table.columns:
            said, name = declaration(column), f"{table.name}.{column.name}"
            if said is None:
                found.append(f"{name} declares nothing")
            if isinstance(said, Personal):
                personal = True
                found += [f"{name}: {fault}" for fault in faults_of(column, said)]
        if any(isinstance(declaration(c), PersonLink) for c in table.columns):
            personal = True
        if personal and not (hasattr(model, "__person__") or hasattr(model, "__path_to_person__")):
            found.append(f"{table.name} names no path to the person")
        elif personal and not way_is_sound(model):
            found.append(f"{table.name}: its path to the person leads nowhere")
    return found


def faults_of(column, said):
    if said.clause not in CLAUSES:
        yield f"{said.clause} is no clause"
    if not said.purposes or not all(isinstance(one, Purpose) for one in said.purposes):
        yield "no purpose"
    if not isinstance(said.retention, Retention) or not isinstance(said.kind, Kind):
        yield "no retention rule, or no kind"
    if not said.readable and not isinstance(column.type, sa.LargeBinary):
        yield "is neither sealed nor says why it can be read"


@pytest.mark.clause("C08")
@pytest.mark.clause("C17")
@pytest.mark.parametrize("base", [Base, KeysBase])
def test_every_column_declares_itself(app, base):
    assert len(models_of(base)) == len(base.metadata.tables)
    assert faults(base) == []


@pytest.mark.clause("C17")
def test_what_is_left_unsaid_is_found():
    class Careless(DeclarativeBase):
        pass

    class Guest(Careless):
        __tablename__ = "guest"
        id = plain(sa.Integer, primary_key=True)
        nickname = mapped_column(sa.String)
        name = sealed("name", A_NAME)
        shoe_size = mapped_column(sa.Integer, info={"data": A_NAME})
        mail = kept(Personal(Kind.EMAIL, (), Retention.BOOKING, "C99", "it is"), sa.String)

    class Visit(Careless):
        __tablename__ = "visit"
        __person__ = "id"
        id = plain(sa.Integer, primary_key=True)
        guest = whose(sa.Integer)

    assert sorted(faults(Careless)) == [
        "guest names no path to the person",
        "guest.mail: C99 is no clause",
        "guest.mail: no purpose",
        "guest.nickname declares nothing",
        "guest.shoe_size: is neither sealed nor says why it can be read",
        "visit: its path to the person leads nowhere",
    ]


def test_a_readable_column_must_say_why():
    with pytest.raises(ValueError, match="why it is not sealed"):
        kept(A_NAME, sa.String)


@pytest.mark.clause("C14")
def test_what_can_be_read_in_the_book_is_a_short_list(app):
    readable = {
        f"{column.table.name}.{column.name}"
        for column, said in personal_columns(Base.metadata)
        if said.readable
    }

    # Adding a line here is a decision: a thief of the file can read it.
    assert readable == {
        *(f"account_refusal.{name}" for name in ("at", "signal")),
        *(
            f"activity_line.{name}"
            for name in ("at", "browser", "device", "kind", "referring_host", "system", "what")
        ),
        *(f"account.{name}" for name in ("language", "used_on")),
        "agreement.agreed_at",
        "version_notice.noticed_at",
        "version_notice.shown_at",
        *(f"consent_entry.{name}" for name in ("at", "body")),
        "controller_objection.objected_at",
        "disclosure.last_at",
        "incident_person.kinds",
        *(f"glance.{name}" for name in ("last_at", "what")),
        "limit_bucket.name",
        "person_permission.purpose",
        "push_subscription.language",
        *(f"passkey.{name}" for name in ("credential_id", "device")),
        *(f"public_review.{name}" for name in ("answer", "item")),
        "reading.at",
        "reservation.first_start",
        "reservation.language",
        *(
            f"reservation_line.{name}"
            for name in ("arrive", "depart", "starts_at", "ends_at", "adults", "children")
        ),
        "restriction.purpose",
        *(f"session.{name}" for name in ("created_at", "seen_at", "proved_at", "device")),
        "told.at",
        "withdrawal.at",
    }


@pytest.mark.clause("C01")
@pytest.mark.clause("C03")
def test_every_question_about_a_person_says_why_and_where_its_answer_goes(app):
    columns = {
        f"{column.table.name}.{column.name}"
        for column, _ in personal_columns(Base.metadata, KeysBase.metadata)
    }
    asked = [question for form in all_forms() for question in form.questions()]

    unsaid = [q for q in asked if q.collects is None]
    without_reason = [q for q in asked if q.collects and not str(q.why)]
    lost = [(q.name, one) for q in asked for one in q.collects or () if one not in columns]

    assert len(asked) > 20
    assert unsaid == without_reason == lost == []


@pytest.mark.clause("C03")
@pytest.mark.clause("C08")
def test_everything_that_is_kept_of_a_person_is_asked_somewhere(app):
    asked = {one for form in all_forms() for q in form.questions() for one in q.collects or ()}
    person = {
        f"person.{column.name}"
        for column, _ in personal_columns(Base.metadata)
        if column.table.name == "person"
    }

    assert person <= asked


@pytest.mark.clause("C07")
def test_a_question_that_may_stay_open_says_what_happens_then(app):
    silent = []
    for form in all_forms():
        for question in form.questions():
            unbound = getattr(form, question.name)
            address = unbound.field_class is AddressField
            required = bool(unbound.kwargs.get("required"))
            told = re.search(r"(?i)without|leave|number with", str(question.why))
            if question.collects and not (required or address or told):
                silent.append((question.name, str(question.why)))

    assert silent == []


def test_instants_are_aware_in_every_column(app):
    naive = [
        f"{table.name}.{column.name}"
        for base in (Base, KeysBase)
        for table in base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.DateTime)
    ]

    assert naive == []
