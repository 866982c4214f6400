"""Addresses that come back from outside: where somebody wished to go next."""

import re

# A path of our own: one slash, then nothing that a browser could read as another host
# ("//", "/\"), and no sign that can't be seen.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


def local_path(wished: str | None) -> str | None:
    """Return `wished` if it is the path of a page on this site, else None."""
    if wished and len(wished) <= 500 and _LOCAL.fullmatch(wished):
        return wished
    return None
