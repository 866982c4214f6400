"""What a page says of the act that led to it: a word in its address stands for a text of ours."""

from collections.abc import Mapping

from flask import request

from app.core.languages import gettext


def just_done(words: Mapping[str, str]) -> str:
    """Return what was done just now, by the word `done` in the address; "" for nothing we know.

    What is shown after a form was refused speaks of that alone.
    """
    found = words.get(request.args.get("done", "")) if request.method != "POST" else None
    return gettext(found) if found else ""
