"""When nothing can be done for the moment: a full disk, a lock, a database that is away.

That is nobody's mistake and no bug: whoever asked is told to try again, and the same act
succeeds then. What is a bug, as a page that writes although it should read, isn't one of these.
"""

import errno
import sqlite3

import sqlalchemy as sa

BUSY, FULL, AWAY = "busy", "full", "away"

# Primary result codes: the extended ones have theirs in the lowest byte.
_SQLITE = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    # What a full disk looks like where SQLite extends its shared memory, or opens its journal.
    sqlite3.SQLITE_IOERR: FULL,
    sqlite3.SQLITE_CANTOPEN: AWAY,
}
_ROOM = (errno.ENOSPC, errno.EDQUOT)
# SQLSTATEs of PostgreSQL, by their beginnings: a lock not had, a lost race, nothing left of
# something, shutting down or starting, and a connection that broke.
_POSTGRESQL = {
    "55P03": BUSY,
    "40001": BUSY,
    "40P01": BUSY,
    "25P03": BUSY,  # begun, and left alone for too long
    "53100": FULL,
    "53": BUSY,
    "57P": AWAY,
    "08": AWAY,
}


class NotNow(RuntimeError):
    """Something isn't there that will be there again by itself: only waiting helps."""


def why_unavailable(error: BaseException) -> str | None:
    """Return BUSY, FULL or AWAY for an error that a later try may not meet; else None."""
    if isinstance(error, NotNow):
        return AWAY
    if isinstance(error, OSError):
        return FULL if error.errno in _ROOM else None
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF)
    if isinstance(error, sa.exc.TimeoutError):  # every connection of the pool is in use
        return BUSY
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return why_unavailable(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # Without a word from the server: it refused the connection, or it broke.
        lost = isinstance(error, sa.exc.OperationalError) or error.connection_invalidated
        return AWAY if lost else None
    return next((why for head, why in _POSTGRESQL.items() if state.startswith(head)), None)
