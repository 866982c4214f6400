"""Guests on their way to their own data."""

import re

from tests.accounts.ways import mails

_CODE = re.compile(r"^ {4}(\w{4} \w{4})\s*$", re.MULTILINE)


def mailed_code(place):
    """Let the worker do what is due, and return the mail that brought a code last."""
    return [mail for mail in mails(place) if ".data_code." in mail["Message-ID"]][-1]


def code_in(mail):
    """Return the code that a mail brings."""
    found = _CODE.search(mail.get_content())
    assert found, mail.get_content()
    return found[1]


def ways_in(place, visitor, stay):
    """Go from a reservation's page to all that is held on its guest, and return that page."""
    page = visitor.open(stay.soup.find("a", string="What we hold on you")["href"])
    waiting = visitor.send(page.form("/data"))
    return visitor.send(waiting.form("/code"), code=code_in(mailed_code(place)))
