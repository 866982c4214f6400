"""What the owner says of an incident: when it was, and what is concerned (C15)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """What is concerned; everything named is looked at."""

    tables: Collection[str] = ()
    kinds: Collection[str] = ()
    accounts: Collection[int] = ()
    backups: Collection[int] = ()
    mailbox: bool = False
    keys: bool = False
    master: bool = False

    @property
    def names_something(self) -> bool:
        """Whether anybody could be found by it."""
        return bool(self.tables or self.kinds or self.accounts or self.backups or self.mailbox)

    def kept(self) -> dict[str, Any]:
        """Return it as it is stored."""
        lists = {
            name: sorted(getattr(self, name)) for name in ("tables", "kinds", "accounts", "backups")
        }
        return {**lists, "mailbox": self.mailbox, "keys": self.keys, "master": self.master}


@dataclass(frozen=True, slots=True)
class Report:
    """What the owner tells of an incident; instants are aware."""

    kind: str
    noticed_at: datetime
    began_at: datetime
    ended_at: datetime
    scope: Scope = field(default_factory=Scope)
    note: str = ""
    who: str = ""
    """A guest whose account it was: an address, or a reservation's reference."""
    rehearsal: bool = False
