"""What is held on a person, in plain words: kinds, purposes and their grounds, groups, tables.

Every page, download and certificate about one's own data takes its words from here. A
column without a word of its own is called what its kind is called.
"""

from typing import Final

from app.core.datamap import Kind, Purpose
from app.core.languages import N_, gettext
from app.privacy.field_words import BY_NAME, BY_PATH
from app.privacy.tables import Field, PersonTable

_KINDS: Final = {
    Kind.NAME: N_("Name"),
    Kind.TITLE: N_("Title"),
    Kind.COMPANY: N_("Company"),
    Kind.EMAIL: N_("E-mail address"),
    Kind.PHONE: N_("Telephone"),
    Kind.WECHAT_ID: N_("WeChat ID"),
    Kind.BILLING_ADDRESS: N_("Billing address"),
    Kind.SHIPPING_ADDRESS: N_("Postal address"),
    Kind.LANGUAGE: N_("Language"),
    Kind.BOOKING: N_("What was booked, and when"),
    Kind.PAYMENT: N_("How it was paid"),
    Kind.AGREEMENT: N_("What you agreed to"),
    Kind.NETWORK_PSEUDONYM: N_("A number in place of a network address"),
    Kind.SIGN_IN: N_("When you were signed in"),
    Kind.PERSON_KEY: N_("The key that your data are locked with"),
    Kind.PERSON_INDEX: N_("A keyed number that you are found by"),
    Kind.USERNAME: N_("User name"),
    Kind.ACCOUNT_EMAIL: N_("E-mail address of the account"),
    Kind.CREDENTIAL: N_("A secret to sign in with"),
    Kind.DEVICE: N_("Device"),
    Kind.READING: N_("When somebody of the house looked"),
    Kind.CHOICE: N_("What you chose about cookies"),
    Kind.ACTIVITY: N_("Pages and clicks"),
    Kind.HISTORY: N_("What you looked at"),
    Kind.MESSAGE: N_("Message"),
    Kind.DISCLOSURE: N_("When something was passed on"),
    Kind.WISH: N_("What you wished for, or allowed"),
    Kind.REVIEW: N_("What you wrote for others to read"),
    Kind.PERMISSION: N_("What you allowed"),
    Kind.OBJECTION: N_("When you said no"),
    Kind.NOTICE: N_("What you were told"),
    Kind.PUSH: N_("Where your browser takes notices"),
}

_PURPOSES: Final = {
    Purpose.RESERVATION: N_("to keep your reservation and to reach you about it"),
    Purpose.INVOICE: N_("to write an invoice as the law wants it"),
    Purpose.POSTING: N_("to post something to you"),
    Purpose.SIGN_IN: N_("to let you, and nobody else, sign in"),
    Purpose.SECURITY: N_("to keep your data safe, and to show you who came near them"),
    Purpose.AGREEMENT: N_("to prove what you and we agreed on"),
    Purpose.ACCOUNT: N_("to run your account"),
    Purpose.PROOF: N_("to prove what you chose about cookies"),
    Purpose.STATISTICS: N_("to count which pages are used"),
    Purpose.SUGGESTIONS: N_("to show you first what you looked at before"),
    Purpose.RIGHTS: N_("to carry out your rights, and to prove that we did"),
    Purpose.SERVICE: N_("to answer you, and to help you with your reservation"),
    Purpose.ARRIVAL: N_("to make ready for your arrival what you asked for"),
    Purpose.SURVEY: N_("to ask you how your stay was, and to do better"),
    Purpose.NOTICE: N_("to tell you what you must know about your data or this house"),
    Purpose.PARTNER: N_("to pass on to a partner what you allowed"),
    Purpose.PUBLIC: N_("to show others what you wrote and agreed to show"),
}

_CONTRACT: Final = N_("our contract with you (GDPR, Article 6(1)(b))")
_CONSENT: Final = N_("your consent (GDPR, Article 6(1)(a))")
_GROUNDS: Final = {
    Purpose.RESERVATION: _CONTRACT,
    Purpose.INVOICE: N_("the law on trade and taxes (GDPR, Article 6(1)(c))"),
    Purpose.POSTING: _CONTRACT,
    Purpose.SIGN_IN: _CONTRACT,
    Purpose.SECURITY: N_(
        "our legitimate interest, and yours, in nobody getting in or looking without a reason, "
        "and our duty to keep data safe (GDPR, Articles 6(1)(f) and 32)"
    ),
    Purpose.AGREEMENT: _CONTRACT,
    Purpose.ACCOUNT: _CONTRACT,
    Purpose.PROOF: N_("our duty to be able to prove it (GDPR, Articles 6(1)(c) and 7(1))"),
    Purpose.STATISTICS: _CONSENT,
    Purpose.SUGGESTIONS: _CONSENT,
    Purpose.RIGHTS: N_("our duty to answer you (GDPR, Articles 6(1)(c) and 12)"),
    Purpose.SERVICE: _CONTRACT,
    Purpose.ARRIVAL: N_(
        "our contract with you (GDPR, Article 6(1)(b)); of what you eat, your express consent "
        "(GDPR, Article 9(2)(a))"
    ),
    Purpose.SURVEY: _CONSENT,
    Purpose.PARTNER: _CONSENT,
    Purpose.PUBLIC: _CONSENT,
    Purpose.NOTICE: N_(
        "our duty to tell you (GDPR, Articles 6(1)(c), 13 and 34); on a device, your consent "
        "(GDPR, Article 6(1)(a))"
    ),
}

WHO, RESERVATIONS, PAYMENTS, MESSAGES, CHOICES, ACTIVITY, LOOKED = GROUPS = (
    "who",
    "reservations",
    "payments",
    "messages",
    "choices",
    "activity",
    "looked",
)
"""What is held, grouped as a person thinks of it, in this order."""

_GROUP_WORDS: Final = {
    WHO: N_("Who you are"),
    RESERVATIONS: N_("Your reservations"),
    PAYMENTS: N_("Your payments"),
    MESSAGES: N_("Your messages"),
    CHOICES: N_("Your choices"),
    ACTIVITY: N_("Your activity"),
    LOOKED: N_("Who looked at you"),
}

_TABLES: Final = {
    "person": (WHO, N_("Your details")),
    "account": (WHO, N_("Your account")),
    "claim": (WHO, N_("Reservations that belong to your account")),
    "passkey": (WHO, N_("Passkeys")),
    "recovery_code": (WHO, N_("Recovery codes")),
    "reservation": (RESERVATIONS, N_("Reservations")),
    "reservation_line": (RESERVATIONS, N_("What you booked")),
    "stay_wish": (RESERVATIONS, N_("What you asked for your stay")),
    "payment": (PAYMENTS, N_("Payments")),
    "refund": (PAYMENTS, N_("Money sent back")),
    "dispute": (PAYMENTS, N_("Payments that your bank asked about")),
    "saved_means": (PAYMENTS, N_("Cards that you asked to keep")),
    "invoice": (PAYMENTS, N_("Invoices and credit notes")),
    "privacy_request": (MESSAGES, N_("What you asked about your data, and our answers")),
    "message": (MESSAGES, N_("Messages between you and the house")),
    "survey": (MESSAGES, N_("What we asked you after your stay, and your answers")),
    "review": (MESSAGES, N_("What you wrote of your stay, and how you want to be named")),
    "public_review": (MESSAGES, N_("What everybody may read, as you agreed")),
    "mail_link": (MESSAGES, N_("Links that we mailed to you")),
    "agreement": (CHOICES, N_("Documents that you agreed to")),
    "version_notice": (CHOICES, N_("Changes of our documents that you were shown")),
    "controller_objection": (CHOICES, N_("Your no to somebody else becoming responsible")),
    "controller_record": (ACTIVITY, N_("What was sealed for whoever becomes responsible")),
    "restriction": (CHOICES, N_("Uses that you said no to")),
    "person_permission": (CHOICES, N_("What you allowed us, and when")),
    "consent_grant": (CHOICES, N_("What you said yes to")),
    "account_refusal": (CHOICES, N_("Your browser’s signal against being followed")),
    "session": (ACTIVITY, N_("Where you are signed in")),
    "ticket": (ACTIVITY, N_("Steps of signing in that were begun")),
    "sign_in_link": (ACTIVITY, N_("Links to get in")),
    "activity_line": (ACTIVITY, N_("Pages and clicks that you let us count")),
    "glance": (ACTIVITY, N_("Offers that you looked at")),
    "export": (ACTIVITY, N_("Copies of your data that you asked for")),
    "export_chunk": (ACTIVITY, N_("The copies themselves")),
    "data_key": (ACTIVITY, N_("Codes that opened these pages")),
    "erasure": (ACTIVITY, N_("Your wish to be forgotten")),
    "told": (MESSAGES, N_("What everybody concerned was told, you too")),
    "push_subscription": (CHOICES, N_("Devices on which you asked to be told")),
    "reading": (LOOKED, N_("Who of the house opened your details")),
    "incident_person": (LOOKED, N_("What went wrong with something of yours")),
    "disclosure": (LOOKED, N_("Who outside was sent something")),
    "partner_transfer": (LOOKED, N_("What went to partners, with your yes")),
}


_PLAIN: Final = {
    "claim": (Purpose.ACCOUNT,),
    "consent_grant": (Purpose.PROOF,),
    "controller_record": (Purpose.RESERVATION, Purpose.ACCOUNT),
    "dispute": (Purpose.RESERVATION,),
    "erasure": (Purpose.RIGHTS,),
    "export": (Purpose.RIGHTS,),
    "export_chunk": (Purpose.RIGHTS,),
    "partner_transfer": (Purpose.PARTNER,),
    "recovery_code": (Purpose.SIGN_IN,),
    "sign_in_link": (Purpose.SIGN_IN,),
    "ticket": (Purpose.SIGN_IN, Purpose.SECURITY),
}
"""Why rows are held in which no column is personal by itself."""


def purposes_of(table: PersonTable) -> tuple[Purpose, ...]:
    """Return why the rows of a table are held, each purpose once."""
    own = [
        purpose
        for column in table.personal
        if column.declared
        for purpose in column.declared.purposes
    ]
    return tuple(dict.fromkeys(own)) or _PLAIN.get(table.name, ())


def kind_word(kind: Kind) -> str:
    """Return what a kind of personal data is called, such as "E-mail address"."""
    return gettext(_KINDS[kind])


def purpose_word(purpose: Purpose) -> str:
    """Return why data are held, as half a sentence: "to run your account"."""
    return gettext(_PURPOSES[purpose])


def purpose_ground(purpose: Purpose) -> str:
    """Return the legal ground of a purpose, with its article of the GDPR."""
    return gettext(_GROUNDS[purpose])


def group_of(table: PersonTable | str) -> str:
    """Return the group, one of GROUPS, that a table is shown in. Raises KeyError for none."""
    return _TABLES[_name(table)][0]


def group_word(group: str) -> str:
    """Return the heading of a group."""
    return gettext(_GROUP_WORDS[group])


def table_word(table: PersonTable | str) -> str:
    """Return what the rows of a table are to a person. Raises KeyError for an unknown one."""
    return gettext(_TABLES[_name(table)][1])


def field_word(field: Field) -> str:
    """Return what a column is called; its kind's word, or its own name, where it has none."""
    word = BY_PATH.get(field.path) or BY_NAME.get(field.name)
    if word is not None:
        return gettext(word)
    if field.declared is not None:
        return kind_word(field.declared.kind)
    return field.name.replace("_", " ").capitalize()


def _name(table: PersonTable | str) -> str:
    return table if isinstance(table, str) else table.name
