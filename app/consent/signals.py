"""Refusals that a browser sends by itself: Global Privacy Control, Do Not Track (C10)."""

from werkzeug.datastructures import Headers

GPC, DNT = "Sec-GPC", "DNT"
HEADERS = (GPC, DNT)


def signal_in(headers: Headers) -> str:
    """Return the name of the refusal that a request carries, or "".

    A field counts if its value is exactly "1"; of a field sent several times,
    which a server hands on joined by commas, one such value is enough. Any other
    value says nothing. Source: Global Privacy Control, "The Sec-GPC Header Field".
    """
    for name in HEADERS:
        if any(value.strip(" \t") == "1" for value in headers.get(name, "").split(",")):
            return name
    return ""
