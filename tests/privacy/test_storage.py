"""The public inventory lists whatever is stored, on a device and with us: nothing is left out."""

import pytest

from app.consent.register import REGISTER
from app.core.database import Base, KeysBase
from app.core.datamap import Personal, declaration
from app.core.languages import LANGUAGES
from app.privacy import storage
from app.privacy.laws import law_of
from app.privacy.tables import person_tables

pytestmark = pytest.mark.clause("C11")


def test_every_cookie_of_the_register_is_listed_with_its_life(place, visitor):
    page = visitor.open("/privacy/storage")

    for cookie in REGISTER:
        row = page.soup.find("code", string=cookie.name).find_parent("tr").get_text(" ")
        assert cookie.purpose in row


def test_every_table_with_something_of_persons_is_listed(place, visitor):
    page = visitor.open("/privacy/storage")

    listed = {code.get_text() for code in page.soup.select("details dt code")}
    personal = {
        table.name
        for base in (Base, KeysBase)
        for table in base.metadata.sorted_tables
        if any(isinstance(declaration(column), Personal) for column in table.columns)
    }
    assert personal | {one.name for one in person_tables()} == listed


def test_each_table_says_its_periods_and_what_is_sealed(place):
    with place.test_request_context():
        tables = {one.name: one for _, found in storage.groups(law_of("DE")) for one in found}

    person = tables["person"]
    assert person.sealed > person.readable == 0
    assert all(one.periods for one in tables.values() if one.kinds)


def test_the_numbers_of_tables_add_up(place):
    with place.test_request_context():
        tables, empty = storage.counted()
        listed = [one for _, found in storage.groups(law_of("DE")) for one in found]
        listed += storage.without_way(law_of("DE"))

    assert tables == empty + len(listed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_opens_in_every_language_at_little_cost(place, client, count_queries, language):
    client.get("/")  # the catalogue is read once
    with count_queries() as sent:
        answer = client.get("/privacy/storage", headers={"Accept-Language": language})

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert len(sent) <= 6
