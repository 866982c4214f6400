"""What a form says is read before anything is begun for it, and never by every thread at once.

A form may come a letter a second, and no server bounds that. Read by a view, in the middle of
a unit of work, one such form would keep SQLite's write lock, and everybody from booking. And
as many as a process has threads would keep it from answering anybody. A proxy that collects
whole requests, as deploy/nginx.conf does, spares the site all of it; without one, pages are
still read, and who can't be heard is asked to come again.
"""

from threading import BoundedSemaphore

from flask import Flask, abort, request

READERS = 3
"""How many threads of a process may read forms at a time: one less than `--blocking-threads`."""
_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")
_TURN_WITHIN = 0.5  # seconds; one that is there already is read in a few milliseconds


def init_app(app: Flask) -> None:
    """Read forms as requests begin; to be called after `uploads`, which says how large they are."""
    turns = BoundedSemaphore(READERS)

    @app.before_request
    def _read() -> None:
        if request.method != "POST" or request.mimetype not in _KINDS:
            return
        if not turns.acquire(timeout=_TURN_WITHIN):
            abort(503)
        try:
            request.form  # noqa: B018 (it is kept with the request)
        finally:
            turns.release()
