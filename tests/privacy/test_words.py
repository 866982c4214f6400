"""Whatever is held has a name, a place on the page, a reason and a legal ground."""

import pytest

from app.core.datamap import Kind, Purpose
from app.privacy.clocks import CLOCKS
from app.privacy.tables import Field, person_tables
from app.privacy.value_words import code_word
from app.privacy.words import (
    GROUPS,
    field_word,
    group_of,
    group_word,
    kind_word,
    purpose_ground,
    purpose_word,
    purposes_of,
    table_word,
)


@pytest.mark.clause("C26")
@pytest.mark.parametrize("table", person_tables(), ids=lambda table: table.name)
def test_every_table_of_a_person_has_a_group_a_name_and_a_purpose(table):
    assert group_of(table) in GROUPS
    assert table_word(table)
    assert purposes_of(table), f"nothing says why the rows of {table.name} are held"


@pytest.mark.clause("C26")
@pytest.mark.parametrize("table", person_tables(), ids=lambda table: table.name)
def test_every_column_that_is_shown_has_a_word_and_not_its_technical_name(table):
    bare = [
        column.path
        for column in table.columns
        if column.declared is None
        and field_word(column) == column.name.replace("_", " ").capitalize()
        and "_" in column.name
    ]

    assert not bare, f"say in app/privacy/field_words.py what these are: {bare}"


@pytest.mark.clause("C26")
def test_every_kind_and_purpose_is_said_with_its_ground():
    assert all(kind_word(kind) for kind in Kind)
    assert all(purpose_word(purpose) for purpose in Purpose)
    assert all("GDPR, Article" in purpose_ground(purpose) for purpose in Purpose)
    assert all(group_word(group) for group in GROUPS)


def test_the_law_of_a_request_is_said_in_words():
    assert not [law for law in CLOCKS if code_word("privacy_request.law", law) == law]


def test_a_column_without_a_word_of_its_own_is_called_what_its_kind_is():
    table = next(one for one in person_tables() if one.name == "person")
    phone = next(column for column in table.columns if column.name == "phone")
    new = Field("person", "second_phone", "second_phone", phone.declared)

    assert field_word(new) == kind_word(Kind.PHONE)
    assert field_word(Field("person", "shoe_size", "shoe_size", None)) == "Shoe size"
