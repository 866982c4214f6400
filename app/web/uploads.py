"""The few addresses that take files: how large they may be, known before anything is read.

Every other request ends at MAX_CONTENT_LENGTH. What is too large is refused by its
announced length, with words that say how large a file may be.
"""

from flask import Flask, Response, request

from app.core.languages import gettext
from app.web.errors import error_page

_MOST: dict[str, int] = {}
_REST = 200_000  # bytes for the other fields of the form


def takes_files(endpoint: str, most: int) -> None:
    """Let an endpoint take files of so many bytes."""
    _MOST[endpoint] = most


def init_app(app: Flask) -> None:
    """Raise the limit where files are taken; to be called before anything reads a form."""

    @app.before_request
    def _measure() -> Response | None:
        most = _MOST.get(request.endpoint or "")
        if most is None or request.method != "POST":
            return None
        request.max_content_length = most + _REST
        if (request.content_length or 0) <= most + _REST:
            return None
        return error_page(
            413,
            gettext("Please choose a smaller one: %(most)d MB at most.", most=most // 1_000_000),
            gettext("That file is too large"),
        )
