"""Alice and Bob, who never change: guests with an account each, and a browser each."""

from app.accounts.models import Account
from app.core.database import db
from tests.accounts.ways import let_in, make_guest
from tests.house.visitor import Visitor

ALICE, BOB = "alice@post.example", "bob@post.example"


class Guest(Visitor):
    """Somebody signed in, whose browser keeps cookies."""

    def __init__(self, app, clock, email, *, username=None):
        super().__init__(app, cookies=True)
        self.email = email
        self.account_id = make_guest(app, clock, email, username=username)
        self.come_in(app, clock)

    def come_in(self, app, clock):
        """Begin a session, as after signing in just now."""
        let_in(app, clock, self.client, self.account_id)

    def account(self):
        """Return the account's row, within a context."""
        return db.session.get(Account, self.account_id)


def book(place, email, **typed):
    """Book nights without signing in, under an address, and return the reservation's page."""
    return Visitor(place).book(email=email, **typed)
