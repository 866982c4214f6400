"""A guest reads the address of the place with its country as their own language calls it."""

from dataclasses import dataclass

import pytest

from app.booking.wording import where
from app.core.languages import use_language


@dataclass(frozen=True)
class Place:
    """What has an address."""

    address: tuple[str, ...]
    country: str = "DE"


@pytest.mark.parametrize("last", ["Deutschland", "Germany", " deutschland "])
@pytest.mark.parametrize(
    ("language", "name"),
    [("en", "Germany"), ("de", "Deutschland"), ("fr", "Allemagne"), ("zh", "德国")],
)
def test_the_country_stands_last_and_once_in_the_readers_language(last, language, name):
    place = Place(("Dorfstraße 27", "18300 Schilfwiek", last))
    with use_language(language):
        assert where(place) == ("Dorfstraße 27", "18300 Schilfwiek", name)


def test_an_owner_who_left_it_out_is_helped_to_it():
    with use_language("fr"):
        assert where(Place(("Rue 1",), "CH")) == ("Rue 1", "Suisse")


def test_no_page_of_a_guest_mixes_languages(visitor):
    page = visitor.open("/contact?lang=en").text
    assert "Germany" in page
    assert "Deutschland" not in page
