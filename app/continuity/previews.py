"""Mails to people, as somebody without a known name would get them: for who decides on them."""

import re
from collections.abc import Mapping

from flask import current_app, render_template, url_for

from app.core.languages import use_language
from app.policy import telling
from app.policy.facts_kept import Fact, keep, plainly, worded
from app.web.pages import settings

_CLOSE = re.compile(r"\n{3,}")


def tidied(text: str) -> str:
    """Return a text that a template made without the gaps that its conditions leave."""
    return _CLOSE.sub("\n\n", text).strip()


def preview(kind: str, facts: Mapping[str, Fact], endpoint: str, language: str) -> tuple[str, str]:
    """Return the subject and the text of a kind of mail, whose link leads to an endpoint."""
    kept = keep(facts)
    with use_language(language):
        text = render_template(
            telling.kind_of(kind).template,
            site=current_app.extensions["site"](),
            name="",
            language=language,
            url=settings().site_url + url_for(endpoint, lang=language, basket=None),
            said=worded(kept),
            facts=plainly(kept),
        )
        return telling.subject_of(kind, kept), tidied(text)
