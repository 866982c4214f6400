"""The documents of the site as links in a sentence, for who is asked to agree."""

from flask import url_for
from markupsafe import Markup

from app.core.languages import gettext


def document_links() -> dict[str, Markup]:
    """Return links to the terms and the privacy policy, each opened beside the form."""
    return {
        "terms": _link("policy.show_terms", gettext("terms")),
        "privacy": _link("policy.show_privacy", gettext("privacy policy")),
    }


def _link(endpoint: str, words: str) -> Markup:
    return Markup('<a href="{}" target="_blank">{}</a>').format(url_for(endpoint), words)
