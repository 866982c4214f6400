"""A person's values open with that person's key and in their own place, and die with it (D2)."""

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Person
from app.core.database import KEYS, db
from app.core.datamap import Kind
from app.core.vault import (
    BlindIndex,
    PersonKey,
    PersonUnknown,
    SealBroken,
    Vault,
    dump_address,
    load_address,
    vault,
)

NAME, EMAIL = "Wilhelmine Wanderfalke", "Wilhelmine@Wanderfalke.example"


@pytest.fixture
def someone(context, clock):
    """Return a function that makes a person and returns their id."""

    def make(name=NAME, email=EMAIL):
        person = Person(id=vault().new_person(), created_at=clock())
        person.name, person.email = name, email
        db.session.add(person)
        vault().index(person.id, Kind.EMAIL, email)
        db.session.commit()
        return person.id

    return make


def raw(person_id, column="name"):
    query = sa.select(Person.__table__.c[column]).where(Person.__table__.c.id == person_id)
    found = db.session.execute(query).scalar_one()
    db.session.rollback()
    return found


def put(person_id, column, value):
    table = Person.__table__
    db.session.execute(sa.update(table).where(table.c.id == person_id).values({column: value}))
    db.session.commit()
    db.session.expire_all()


def destroy_key(person_id):
    with db.engines[KEYS].begin() as connection:
        connection.execute(sa.delete(PersonKey).where(PersonKey.person_id == person_id))


@pytest.mark.clause("C14")
@pytest.mark.both_databases
def test_the_book_has_ciphertext_and_the_keys_lie_elsewhere(someone):
    one = someone()

    sealed = raw(one)

    assert isinstance(bytes(sealed), bytes)
    assert NAME.encode() not in bytes(sealed)
    assert db.session.get(Person, one).name == NAME
    db.session.rollback()
    assert "person_key" not in sa.inspect(db.engine).get_table_names()
    assert sorted(sa.inspect(db.engines[KEYS]).get_table_names()) == [
        "alembic_version",
        "blind_index",
        "erasure_entry",
        "person_key",
        "withdrawal_entry",
    ]


@pytest.mark.clause("C26")
@pytest.mark.both_databases
def test_without_the_key_nothing_opens_any_more(someone):
    one, other = someone(), someone("Someone Else", "else@example.org")

    destroy_key(one)
    db.session.rollback()

    with pytest.raises(PersonUnknown):
        _ = db.session.get(Person, one).name
    with pytest.raises(PersonUnknown):
        vault().seal(one, "person.name", "anew")
    assert vault().find(Kind.EMAIL, EMAIL) == []
    assert db.session.get(Person, other).name == "Someone Else"


@pytest.mark.clause("C26")
def test_a_key_that_another_process_destroys_does_not_live_on_here(someone):
    one = someone()
    assert db.session.get(Person, one).name == NAME

    destroy_key(one)
    db.session.rollback()

    with pytest.raises(PersonUnknown):
        _ = db.session.get(Person, one).name


@pytest.mark.clause("C14")
def test_a_sealed_value_cannot_be_moved(someone):
    one, other = someone(), someone("Someone Else", "else@example.org")

    put(one, "email", raw(one, "name"))  # another column
    put(other, "name", raw(one, "name"))  # another person

    with pytest.raises(SealBroken):
        _ = db.session.get(Person, one).email
    with pytest.raises(SealBroken):
        _ = db.session.get(Person, other).name
    sealed = raw(one, "name")
    with pytest.raises(SealBroken):  # another table
        vault().open(one, "account.name", sealed)


@pytest.mark.clause("C14")
@pytest.mark.parametrize("at", [1, 5, 13, -1])
def test_a_sealed_value_cannot_be_altered(someone, at):
    one = someone()
    altered = bytearray(raw(one))
    altered[at] ^= 1

    put(one, "name", bytes(altered))

    with pytest.raises(SealBroken):
        _ = db.session.get(Person, one).name


@pytest.mark.clause("C14")
def test_the_same_value_is_never_sealed_alike(someone):
    first, second = someone(), someone()

    assert raw(first) != raw(second)
    assert raw(first)[1:13] != raw(first, "email")[1:13]


@pytest.mark.clause("C14")
def test_another_master_key_opens_nothing(someone):
    one = someone()
    sealed = raw(one)

    stranger = Vault(b"another master key: " + b"x" * 32)

    with pytest.raises(Exception) as caught:  # noqa: PT011 (the library's own, which says nothing)
        stranger.open(one, "person.name", sealed)
    assert NAME not in repr(caught.value)
    assert stranger.find(Kind.EMAIL, EMAIL) == []


@pytest.mark.both_databases
def test_a_person_is_found_by_address_whatever_its_case(someone):
    one = someone()
    twin = someone(email=EMAIL.lower())

    assert sorted(vault().find(Kind.EMAIL, EMAIL.upper())) == sorted([one, twin])
    assert vault().find(Kind.EMAIL, "wilhelmine@wanderfalke.exampl") == []
    assert vault().find(Kind.PHONE, EMAIL) == []


@pytest.mark.both_databases
def test_a_corrected_address_finds_and_the_former_does_not(someone):
    one = someone()

    vault().index(one, Kind.EMAIL, "new@example.org")
    db.session.commit()

    assert vault().find(Kind.EMAIL, EMAIL) == []
    assert vault().find(Kind.EMAIL, "new@example.org") == [one]


@pytest.mark.clause("C14")
def test_the_index_holds_no_address_and_none_can_be_tried_out_without_the_secret(someone):
    someone()

    with db.engines[KEYS].connect() as connection:
        [digest] = connection.scalars(sa.select(BlindIndex.digest)).all()

    assert len(digest) == 32
    assert digest != Vault(b"a guess of the key" + b"x" * 32).digest(Kind.EMAIL, EMAIL)


def test_a_person_whose_making_is_rolled_back_leaves_no_key(context, clock):
    person_id = vault().new_person()
    vault().index(person_id, Kind.EMAIL, EMAIL)
    db.session.rollback()
    db.session.add(Person(id=vault().new_person(), created_at=clock()))
    db.session.commit()

    assert vault().find(Kind.EMAIL, EMAIL) == []
    with pytest.raises(PersonUnknown):
        vault().seal(person_id, "person.name", NAME)
    with db.engines[KEYS].connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PersonKey)) == 1


def test_nothing_is_sealed_as_nothing(someone):
    one = someone()
    person = db.session.get(Person, one)

    person.company = ""
    person.name = None
    db.session.commit()

    assert (raw(one, "company"), raw(one, "name")) == (None, None)
    assert person.company is None


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_whatever_is_sealed_opens_again(text):
    key = Vault(b"m" * 32)
    keys = {}
    key._key = lambda person: keys.setdefault(person, AESGCM(b"k" * 32))

    assert key.open("p", "t.c", key.seal("p", "t.c", text)) == text


def test_an_address_goes_in_and_out_whole():
    address = {"country": "CN", "city": "上海市", "street_address": "一号\n二楼"}

    assert load_address(dump_address(address)) == address
    assert (load_address(None), dump_address({}), dump_address(None)) == (None, None, None)
