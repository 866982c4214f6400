"""Answers that a browser saves as a file."""

from collections.abc import Iterator

from flask import Response

CSV = "text/csv; charset=utf-8"
ICS = "text/calendar; charset=utf-8"


def attachment(content: str | bytes | Iterator[bytes], content_type: str, name: str) -> Response:
    """Return the answer with a file, to be saved under a name that has no person in it."""
    response = Response(content, content_type=content_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
