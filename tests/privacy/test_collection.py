"""Every form of the site is on the public list of collection points, field by field."""

import pytest
from flask import url_for

from app.core.languages import LANGUAGES
from app.privacy import collection
from app.privacy.clauses import CLAUSES
from app.privacy.collection import HOUSE, PAGES, WITHOUT_FORM, form_name, is_of_house
from app.web.fields import TextField
from app.web.forms import Form, all_forms

pytestmark = pytest.mark.clause("C01")


def asking():
    """Return the forms that ask something."""
    return [form for form in all_forms() if form.questions()]


def test_every_form_of_the_site_is_listed(app):
    visitors = {form_name(form) for form in asking() if not is_of_house(form)}

    # A form that is new: say in app/privacy/collection.py which page it stands on.
    assert visitors - set(PAGES) == set()
    assert set(PAGES) - visitors == set()


def test_every_form_of_the_house_that_takes_something_personal_is_listed(app):
    personal = {
        form_name(form)
        for form in asking()
        if is_of_house(form) and any(question.collects for question in form.questions())
    }

    assert personal == set(HOUSE)


def test_every_form_stands_on_a_page_that_opens(app):
    opened = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}

    assert set(PAGES.values()) <= opened


def test_what_is_noted_without_a_form_names_its_clause():
    assert {clause for _, _, clause in WITHOUT_FORM} <= {clause.code for clause in CLAUSES}


def test_every_field_is_on_the_page_with_its_reason(place, visitor):
    page = visitor.open("/privacy/collection")

    text = " ".join(page.soup.main.get_text(" ").split())
    with place.test_request_context():
        for form in asking():
            for question in form.questions():
                if is_of_house(form) and not question.collects:
                    continue
                assert " ".join(str(question.label).split()) in text, (form, question.name)
                assert " ".join(str(question.why).split()) in text, (form, question.name)


def test_the_page_tells_apart_what_is_needed_and_what_may_stay_empty(place, visitor):
    page = visitor.open("/privacy/collection")

    checkout = next(
        details
        for details in page.soup.select("details")
        if "The details for a reservation" in details.summary.get_text()
    )
    said = {
        field.dt.get_text(" ", strip=True): field.dd.get_text(" ", strip=True)
        for field in checkout.select("dl > div")
    }
    name = next(key for key in said if key.startswith("Your name"))
    phone = next(key for key in said if key.startswith("Telephone"))
    assert name.endswith("needed")
    assert phone.endswith("may stay empty")
    assert "Kept as: Name" in said[name]


def test_a_form_that_nobody_listed_would_fail_the_build(app, monkeypatch):
    class NewForm(Form):
        shoe_size = TextField("Shoe size", why="For slippers.", collects=("person.name",))

    NewForm.__module__ = "app.booking.shoes"
    known = all_forms()
    monkeypatch.setitem(globals(), "all_forms", lambda: (*known, NewForm))

    with pytest.raises(AssertionError):
        test_every_form_of_the_site_is_listed(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_opens_in_every_language_at_little_cost(place, client, count_queries, language):
    client.get("/")  # the catalogue is read once
    with count_queries() as sent:
        answer = client.get("/privacy/collection", headers={"Accept-Language": language})

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert len(sent) <= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_forms_have_the_same_name_in_the_list(place, visitor, language):
    page = visitor.open(f"/privacy/collection?lang={language}")

    names = [summary.find(string=True).strip() for summary in page.soup.select("main summary")]
    assert sorted(names) == sorted(set(names))


def test_the_count_is_that_of_the_page(place):
    with place.test_request_context():
        forms, personal = collection.count()
        shown = collection.points()

        assert url_for("privacy.collection") == "/privacy/collection"
    assert forms == len(shown)
    assert personal == sum(bool(field.kinds) for point in shown for field in point.fields)
