"""A link is written once for the whole process, unless it could lead to a person."""

from flask import Flask, g, url_for
from hypothesis import given
from hypothesis import strategies as st
from wtforms.widgets import html_params

from app.web.forms import attributes
from app.web.links import address

OFFER = {"slug": "reed-room", "month": "2031-05", "adults": 2, "_anchor": "book"}


def test_a_link_is_the_same_from_memory_as_it_was_written(app: Flask) -> None:
    """Also with what the visitor chose by the address, which goes along in each."""
    with app.test_request_context("/"):
        for carried in ({}, {"lang": "fr"}, {"lang": "fr", "theme": "dark"}):
            g.carried = carried
            for endpoint, values in (("booking.home", {}), ("booking.offer", OFFER)):
                first, again = address(endpoint, **values), address(endpoint, **values)

                assert first == again == url_for(endpoint, **values)


def test_nothing_is_remembered_of_a_link_that_leads_to_somebody(app: Flask) -> None:
    """A reference, a token or an address to come back to is in no memory but the page's."""
    with app.test_request_context("/"):
        g.carried = {}
        found = address("owner.reservation", reference="ABCD2345")
        address("consent_preferences.preferences", next="/search?adults=2")

        assert found.endswith("/ABCD2345")
        assert app.extensions["addresses"] == {}


def test_the_memory_ends_somewhere(app: Flask) -> None:
    """Somebody who asks for every month there is can't fill a process."""
    with app.test_request_context("/"):
        g.carried = {}
        for number in range(5000):
            address("booking.offer", slug="reed-room", month=str(number))

        assert 0 < len(app.extensions["addresses"]) <= 4096


@given(
    st.dictionaries(
        st.sampled_from(("id", "class_", "aria_describedby", "data_to", "value", "checked")),
        st.one_of(st.text(), st.booleans(), st.integers(), st.none()),
    )
)
def test_attributes_are_written_as_wtforms_writes_them(values: dict[str, object]) -> None:
    """Whatever a visitor typed: only faster."""
    assert attributes(**values) == html_params(**values)
