"""An address follows the rules of its country, with or without a script, and loses nothing."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.core.languages import BY_CODE, LANGUAGES, use_language
from app.web.addresses import (
    AddressField,
    AddressForm,
    area_names,
    format_address,
    rules_of,
    tidy_postal_code,
)
from app.web.fields import CheckboxField, country_names
from app.web.forms import Form

BERLIN = {
    "country": "DE",
    "street_address": "Unter den Linden 1",
    "postal_code": "10117",
    "city": "Berlin",
}
TOKYO = {
    "country": "JP",
    "postal_code": "100-0001",
    "country_area": "東京都",
    "street_address": "1-1 Chiyoda, Chiyoda-ku",
}
NEW_YORK = {
    "country": "US",
    "street_address": "350 Fifth Avenue",
    "city": "New York",
    "country_area": "NY",
    "postal_code": "10118",
}
BEIJING = {
    "country": "CN",
    "postal_code": "100006",
    "country_area": "北京市",
    "city": "东城区",
    "street_address": "王府井大街 1 号",
}
LONDON = {
    "country": "GB",
    "street_address": "10 Downing Street",
    "city": "London",
    "postal_code": "SW1A 2AA",
}
HONG_KONG = {
    "country": "HK",
    "country_area": "Kowloon",
    "city": "Tsim Sha Tsui",
    "street_address": "1 Nathan Road",
}


class OrderForm(Form):
    """Two addresses: one that is always wanted, one for those who tick a box."""

    wants_invoice = CheckboxField("Invoice")
    billing = AddressField("Billing address", needed_by="wants_invoice")
    shipping = AddressField("Shipping address")


@pytest.fixture(autouse=True)
def request_to_a_site() -> Iterator[None]:
    """Build every form within a request, in English."""
    site = Flask("site", static_folder=None)
    site.config["SECRET_KEY"] = "of a test"
    with use_language("en"), site.test_request_context("/"):
        yield


def filled(address: dict[str, str], **more: str) -> AddressForm:
    """Return the form of an address that was sent."""
    return AddressForm(formdata=MultiDict({**address, **more}))


def names(form: AddressForm) -> list[str]:
    return [field.short_name for field in form.shown]


def errors(form: AddressForm) -> dict[str, str]:
    return {name: str(found[0]) for name, found in form.errors.items()}


@pytest.mark.parametrize("address", [BERLIN, TOKYO, NEW_YORK, BEIJING, LONDON, HONG_KONG])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_address_is_taken_in_every_language(address: dict[str, str], language: str) -> None:
    with use_language(language):
        form = filled(address)

        assert form.validate(), form.errors
        assert form.to_dict() == address


@pytest.mark.parametrize(
    ("country", "language", "order"),
    [
        ("DE", "en", ["street_address", "postal_code", "city"]),
        ("US", "en", ["street_address", "city", "country_area", "postal_code"]),
        ("GB", "en", ["street_address", "city", "postal_code"]),
        ("JP", "en", ["street_address", "country_area", "postal_code"]),
        ("JP", "zh", ["postal_code", "country_area", "street_address"]),
        ("CN", "zh", ["postal_code", "country_area", "city", "city_area", "street_address"]),
        ("HK", "en", ["street_address", "city", "country_area"]),
    ],
)
def test_the_parts_stand_in_the_order_of_the_country(
    country: str, language: str, order: list[str]
) -> None:
    with use_language(language):
        form = AddressForm(data={"country": country})

    assert names(form) == ["country", "name", "organisation", *order]


@pytest.mark.parametrize(
    ("country", "name", "label"),
    [
        ("US", "postal_code", "ZIP code"),
        ("US", "country_area", "State"),
        ("IE", "postal_code", "Eircode"),
        ("IN", "postal_code", "PIN code"),
        ("JP", "country_area", "Prefecture"),
        ("AE", "country_area", "Emirate"),
        ("GB", "city", "Post town"),
        ("DE", "postal_code", "Postal code"),
        ("CN", "city_area", "District"),
    ],
)
def test_the_parts_are_called_what_the_country_calls_them(
    country: str, name: str, label: str
) -> None:
    form = AddressForm(data={"country": country})

    assert form[name].label.text == label


def test_states_are_chosen_by_name_in_letters_that_the_reader_knows() -> None:
    assert area_names("US", BY_CODE["de"].locale)["CA"] == "California"
    assert area_names("CA", BY_CODE["fr"].locale)["BC"] == "Colombie-Britannique"
    assert area_names("JP", BY_CODE["en"].locale)["東京都"] == "Tokyo"
    assert area_names("JP", BY_CODE["zh"].locale)["東京都"] == "東京都"
    assert area_names("DE", BY_CODE["de"].locale) == {}


@pytest.mark.parametrize("typed", ["CA", "California", "california"])
def test_a_state_may_be_sent_by_name(typed: str) -> None:
    form = filled(NEW_YORK, country_area=typed, postal_code="90001")

    assert form.validate(), form.errors
    assert form.to_dict()["country_area"] == "CA"


@pytest.mark.parametrize(
    ("address", "wrong", "field", "message"),
    [
        (BERLIN, {"postal_code": ""}, "postal_code", "Please fill this in."),
        (BERLIN, {"postal_code": "1011"}, "postal_code", "like this: 26133"),
        (BERLIN, {"postal_code": "1" * 20}, "postal_code", "like this"),
        (BERLIN, {"city": ""}, "city", "Please fill this in."),
        (BERLIN, {"street_address": ""}, "street_address", "Please fill this in."),
        (BERLIN, {"country": ""}, "country", "choose a country"),
        (BERLIN, {"country": "XX"}, "country", "from the list"),
        (NEW_YORK, {"country_area": ""}, "country_area", "Please fill this in."),
        (NEW_YORK, {"country_area": "Bavaria"}, "country_area", "from the list"),
        (NEW_YORK, {"postal_code": "90001"}, "postal_code", "New York"),
        (LONDON, {"postal_code": "London"}, "postal_code", "like this"),
        (TOKYO, {"postal_code": "1"}, "postal_code", "like this"),
    ],
)
def test_what_is_wrong_is_said_beside_its_part(
    address: dict[str, str], wrong: dict[str, str], field: str, message: str
) -> None:
    form = filled({**address, **wrong})

    assert not form.validate()
    assert list(form.errors) == [field]
    assert message in errors(form)[field]
    assert wrong[field] in form[field]() or field == "country"


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("DE", "d-10117", "10117"),
        ("CH", "CH-8001", "8001"),
        ("GB", "sw1a2aa", "SW1A2AA"),
        ("PL", "00950", "00-950"),
        ("PT", "2725079", "2725-079"),
        ("JP", "〒\uff11\uff10\uff10\uff0d\uff10\uff10\uff10\uff11", "100-0001"),
        ("SE", "114 55", "114 55"),
        ("CA", "k1a 0b1", "K1A 0B1"),
        ("DE", "hello", "HELLO"),
    ],
)
def test_a_postal_code_is_read_the_way_people_write_it(country: str, typed: str, kept: str) -> None:
    assert tidy_postal_code(typed, rules_of(country)) == kept


def test_every_country_has_rules_and_a_form_in_every_language() -> None:
    for language in LANGUAGES:
        with use_language(language):
            for country in country_names(BY_CODE[language].locale):
                form = AddressForm(data={"country": country})

                assert names(form)[0] == "country"
                assert "street_address" in names(form)
                assert form.rules.required <= set(names(form)), country


def test_every_country_writes_its_address_with_the_country_last() -> None:
    for country, name in country_names(BY_CODE["en"].locale).items():
        parts = {part: part.title() for part in rules_of(country).allowed if part}

        lines = format_address({**parts, "country": country}, BY_CODE["en"].locale)

        assert lines[-1] == name
        assert all(line and "%" not in line for line in lines)


@pytest.mark.parametrize(
    ("address", "language", "lines"),
    [
        (BERLIN, "en", ["Unter den Linden 1", "10117 Berlin", "Germany"]),
        (BERLIN, "zh", ["Unter den Linden 1", "10117 Berlin", "德国"]),
        (
            {**BERLIN, "name": "Anna Müller", "organisation": "Ried GmbH"},
            "de",
            ["Anna Müller", "Ried GmbH", "Unter den Linden 1", "10117 Berlin", "Deutschland"],
        ),
        (
            {**BERLIN, "street_address": "Haus 1\nHinterhof"},
            "de",
            ["Haus 1", "Hinterhof", "10117 Berlin", "Deutschland"],
        ),
        (NEW_YORK, "en", ["350 Fifth Avenue", "New York, NY 10118", "United States"]),
        (
            {k: v for k, v in NEW_YORK.items() if k != "country_area"},
            "en",
            ["350 Fifth Avenue", "New York, 10118", "United States"],
        ),
        (TOKYO, "en", ["1-1 Chiyoda, Chiyoda-ku, Tokyo", "100-0001", "Japan"]),
        (
            {**TOKYO, "street_address": "千代田区千代田1-1"},
            "zh",
            ["〒100-0001", "東京都", "千代田区千代田1-1", "日本"],
        ),
        (BEIJING, "zh", ["100006", "北京市东城区", "王府井大街 1 号", "中国"]),
        (
            {
                "country": "CH",
                "street_address": "Am See 1",
                "postal_code": "8001",
                "city": "Zürich",
            },
            "de",
            ["Am See 1", "CH-8001 Zürich", "Schweiz"],
        ),
    ],
)
def test_an_address_is_written_as_on_an_envelope(
    address: dict[str, str], language: str, lines: list[str]
) -> None:
    assert format_address(address, BY_CODE[language].locale) == lines


# -- Within a form, without a script ------------------------------------------------------


def send(**typed: Any) -> OrderForm:
    """Return the form that a browser sent."""
    site = Flask("site", static_folder=None)
    site.config["SECRET_KEY"] = "of a test"
    with site.test_request_context("/", method="POST", data=typed):
        form = OrderForm()
        form.validate_on_submit()
        return form


def prefixed(prefix: str, address: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name}": value for name, value in address.items()}


def test_use_this_country_draws_the_form_anew_and_complains_of_nothing() -> None:
    form = send(
        **prefixed("billing", {**BERLIN, "country": "US"}),
        wants_invoice="y",
        billing_country_set="1",
    )

    assert not form.is_submitted()
    assert not form.problems
    assert names(form.billing.form)[-1] == "postal_code"
    assert form.billing.form.postal_code.label.text == "ZIP code"
    assert 'value="10117"' in form.billing.form.postal_code()
    assert "Unter den Linden 1" in form.billing.form.street_address()


def test_what_a_country_has_no_place_for_comes_back_with_the_next() -> None:
    form = send(**prefixed("billing", {**NEW_YORK, "country": "DE"}), billing_country_set="1")

    kept = BeautifulSoup(form.billing.form.kept, "html.parser").find_all("input")

    assert [(field["name"], field["value"]) for field in kept] == [("billing_country_area", "NY")]
    assert "country_area" not in form.billing.form.to_dict()


def test_what_only_another_country_asks_for_is_not_checked() -> None:
    # Kept hidden inputs come back with whatever the last country had in them.
    for country in country_names(BY_CODE["en"].locale):
        form = filled({"country": country, "country_area": "NY", "city_area": "x"})
        form.validate()

        assert set(form.errors) <= set(names(form)), country


def test_a_country_changed_without_the_button_is_checked_by_its_own_rules() -> None:
    form = send(**prefixed("shipping", {**BERLIN, "country": "US"}))

    problems = dict(form.problems)

    assert set(problems) == {"shipping_country_area"}
    assert problems["shipping_country_area"] == "Please fill this in."


def test_an_address_that_is_not_wanted_is_not_read() -> None:
    form = send(
        **prefixed("billing", {"country": "DE", "postal_code": "?"}), **prefixed("shipping", BERLIN)
    )

    assert not form.problems
    assert form.billing.data is None
    assert form.shipping.data == BERLIN


def test_an_address_is_wanted_once_its_box_is_ticked() -> None:
    form = send(wants_invoice="y", **prefixed("shipping", BERLIN), billing_country="DE")

    assert {problem.field_id for problem in form.problems} == {
        "billing_street_address",
        "billing_postal_code",
        "billing_city",
    }


def test_what_a_box_decides_is_not_required_by_the_browser() -> None:
    form = OrderForm(data={"billing": {"country": "DE"}, "shipping": {"country": "DE"}})

    billing, shipping = form.billing.form.city, form.shipping.form.city

    assert billing.flags.needed
    assert "required" not in billing()
    assert shipping.flags.needed
    assert "required" in shipping()


def test_browsers_can_fill_in_each_address_by_itself() -> None:
    form = OrderForm(data={"billing": {"country": "US"}, "shipping": {"country": "US"}})

    tokens = {
        field.render_kw["autocomplete"]
        for address in (form.billing.form, form.shipping.form)
        for field in address.shown
    }

    assert {
        "billing street-address",
        "shipping street-address",
        "billing postal-code",
        "shipping address-level1",
        "billing country",
        "shipping organization",
    } <= tokens


def test_a_stored_address_opens_as_it_was_kept() -> None:
    form = OrderForm(data={"billing": NEW_YORK})

    assert '<option value="NY" selected>New York</option>' in form.billing.form.country_area()
    assert 'value="New York"' in form.billing.form.city()


@pytest.mark.clause("C03")
def test_a_card_number_in_an_address_is_thrown_away() -> None:
    form = send(**prefixed("shipping", {**BERLIN, "street_address": "4242 4242 4242 4242"}))

    assert [problem.field_id for problem in form.problems] == ["shipping_street_address"]
    assert "4242" not in repr(form.data)


@pytest.mark.parametrize("part", [*BERLIN, "country_area", "city_area", "name", "organisation"])
@pytest.mark.parametrize(
    "text", ["x" * 100_000, "9" * 100_000, "-" * 100_000, "\x00", "../../etc/passwd", "%s%n", "<b>"]
)
def test_nasty_input_is_answered_quickly(part: str, text: str) -> None:
    start = time.process_time()
    form = send(**prefixed("shipping", {**NEW_YORK, part: text}))
    shown = "".join(str(field()) for field in form.shipping.form.shown) + form.shipping.form.kept

    assert time.process_time() - start < 1
    assert "<b>" not in shown
    assert len(shown) < 30_000
