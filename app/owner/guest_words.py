"""What may be opened of a guest, and what for, in words: for pages and for the trail."""

from app.accounts.readings import OTHER
from app.core.languages import lazy_gettext as _l

DETAIL_WORDS = {
    "email": (_l("E-mail"), _l("Show the e-mail address")),
    "phone": (_l("Telephone"), _l("Show the telephone number")),
    "billing_address": (_l("Billing address"), _l("Show the billing address")),
    "shipping_address": (_l("Shipping address"), _l("Show the shipping address")),
    "company": (_l("Company"), _l("Show the company")),
    "wechat_id": (_l("WeChat ID"), _l("Show the WeChat ID")),
    "language": (_l("Language"), _l("Show the language")),
}
"""A detail's name, and what the button that opens it says."""

PURPOSES = {
    "arrival": _l("to arrange their arrival"),
    "question": _l("for a question about their reservation"),
    "lost": _l("because something was lost or found"),
    "billing": _l("for a bill or a payment"),
    OTHER: _l("for something else, in your words"),
}
"""What one detail may be opened for."""

EXPORT_PURPOSES = {
    "letter": _l("to write to several guests"),
    "billing": _l("for a bill or a payment"),
    "authority": _l("because an authority asked for it"),
    OTHER: _l("for something else"),
}
"""What the details of many may be downloaded for."""
