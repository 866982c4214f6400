"""Security headers on every response, errors and static files included.

Flask-Talisman sends what it does well: the content security policy, HSTS, the
redirect to https, framing and type sniffing. What it doesn't know is added
here, once each.
"""

from flask import Flask, Response, g, request
from flask_talisman import Talisman

from app.config import Settings

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# Nothing of the device is asked for; a page that needs one would name it here.
_OFF = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture",
    "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid",
    "identity-credentials-get", "idle-detection", "local-fonts", "magnetometer", "microphone",
    "midi", "otp-credentials", "payment", "picture-in-picture",
    "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial",
    "storage-access", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
_PASSKEYS = ("publickey-credentials-create", "publickey-credentials-get")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in _OFF)


def init_app(app: Flask, settings: Settings) -> None:
    """Send the headers."""
    app.after_request(_add_what_is_missing)
    # Flask runs these in reverse order of registration: ours comes after Talisman's.
    Talisman(
        app,
        force_https=settings.https,
        force_https_permanent=True,
        strict_transport_security=settings.https,
        frame_options="DENY",
        content_security_policy=CSP,
        # "same-origin" and not "no-referrer": over https Flask-WTF checks it on our own forms.
        referrer_policy="same-origin",
        permissions_policy=PERMISSIONS,
        session_cookie_secure=settings.https,
    )


def allow_form_to(origin: str) -> None:
    """Let the forms of this one response lead to another origin (a payment provider)."""
    g.form_origin = origin


def allow_passkeys() -> None:
    """Let the page of this one response make and use passkeys."""
    g.passkeys = True


def allow_worker() -> None:
    """Let the page of this one response register the worker that shows notices."""
    g.worker = True


def _add_what_is_missing(response: Response) -> Response:
    headers = response.headers
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Permitted-Cross-Domain-Policies"] = "none"
    if g.get("private"):
        # A key in a link that lies about somewhere opens a page; at least nobody searches for it.
        headers["X-Robots-Tag"] = "noindex, nofollow"
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store" if g.get("private") else "private, no-cache"
    origin = g.get("form_origin")
    if origin and origin != request.host_url.rstrip("/"):
        policy = headers["Content-Security-Policy"]
        headers["Content-Security-Policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {origin}"
        )
    if g.get("worker"):
        policy = headers["Content-Security-Policy"]
        headers["Content-Security-Policy"] = policy.replace(
            "worker-src 'none'", "worker-src 'self'"
        )
    if g.get("passkeys"):
        policy = headers["Permissions-Policy"]
        for feature in _PASSKEYS:
            policy = policy.replace(f"{feature}=()", f"{feature}=(self)")
        headers["Permissions-Policy"] = policy
    return response
