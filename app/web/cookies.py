"""Names of cookies: over https a name that only this very host can set."""

from app.config import Settings


def cookie_name(settings: Settings, name: str) -> str:
    """Return the name under which a cookie is sent.

    `__Host-` (RFC 6265bis §4.1.3.2) makes a browser refuse the cookie unless it is
    Secure, without a domain and for the path "/", so a neighbouring host can't plant it.
    """
    return f"__Host-{name}" if settings.https else name
