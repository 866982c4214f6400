"""The house finds every rare workflow in one place, and the records that an authority asks for."""

import csv
from io import StringIO

import pytest

from app.core.datamap import Purpose
from app.owner import promises
from app.owner.promises import WORKFLOWS
from app.owner.records import SENSITIVE, as_csv, records
from app.policy.recipients import Listed
from app.privacy.words import kind_word, purpose_word
from tests.owner.house import words

pytestmark = pytest.mark.clause("C06")


def test_every_workflow_is_linked_from_one_page(place, owner):
    page = owner.get("/owner/promises")

    for one in WORKFLOWS:
        assert one.endpoint in place.view_functions, one.endpoint
        assert one.title in words(page)


def test_the_navigation_leads_there(owner):
    assert 'href="/owner/promises"' in owner.get("/owner/reservations").text


def test_a_workflow_says_how_it_stands(owner, monkeypatch):
    monkeypatch.setitem(promises._states, "owner.requests", lambda now: "Two are waiting.")

    assert "Two are waiting." in words(owner.get("/owner/promises"))


def test_one_with_nothing_to_say_says_so(owner, monkeypatch):
    monkeypatch.setitem(promises._states, "owner.requests", lambda now: "")

    assert "Nothing under way." in words(owner.get("/owner/promises"))


def test_the_pages_cost_few_queries(owner, count_queries):
    for page, most in (("/owner/promises", 25), ("/owner/records", 12)):
        with count_queries() as sent:
            answer = owner.get(page)
        assert answer.status_code == 200
        assert len(sent) <= most, (page, sent)


# -- Records of processing --------------------------------------------------------------------


def test_every_purpose_of_the_data_map_is_in_the_records(place, owner):
    page = words(owner.get("/owner/records"))

    with place.test_request_context():
        for purpose in Purpose:
            said = purpose_word(purpose)
            assert said[:1].upper() + said[1:] in page
    assert "Haus Rohrdommel" in page
    assert "Safeguards" in page


def test_a_record_says_whose_data_which_where_to_and_how_long(place):
    relay = Listed(
        "Mail relay", "mails", "to send", "mail.example", country="DE", code="mail relay"
    )
    partner = Listed(
        "Kayak Club", "name", "trips", "Ring 1", clause="C21", country="AT", code="partner:1"
    )
    with place.test_request_context():
        found = dict(zip(Purpose, records([relay, partner]), strict=True))
        name = kind_word(next(iter(SENSITIVE)))

        booking = found[Purpose.RESERVATION]
        assert booking.subjects == ("guests",)
        assert "Name" in booking.kinds
        assert (booking.recipients, booking.transfers) == (("Mail relay",), ("Germany",))
        assert booking.periods
        assert booking.sealed > 0
        assert found[Purpose.PARTNER].recipients == ("Kayak Club",)
        assert found[Purpose.STATISTICS].recipients == ()
        assert name


def test_the_file_has_a_line_for_each_purpose_and_no_formula(place, owner):
    answer = owner.get("/owner/records.csv")
    with place.test_request_context():
        evil = Listed("=cmd()", "", "", "", clause="C21", code="partner:1")
        spoilt = as_csv(records([evil]), [("Responsible", "=1+1")]).decode("utf-8-sig")

    rows = list(csv.reader(StringIO(answer.data.decode("utf-8-sig"))))
    heads = next(row for row in rows if row and row[0] == "Purpose")
    lines = [row for row in rows if len(row) == len(heads) and row is not heads]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert len(lines) == len(Purpose)
    assert not any(cell.startswith("=") for row in csv.reader(StringIO(spoilt)) for cell in row)


@pytest.mark.parametrize("page", ["/owner/promises", "/owner/records", "/owner/records.csv"])
def test_strangers_see_nothing_of_it(place, client, page):
    assert client.get(page).status_code in (302, 303)
