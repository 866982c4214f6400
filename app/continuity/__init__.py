"""What must go on when something goes wrong: backups, and coming back from one.

A *backup* is a consistent copy of the book, encrypted. Keys are backed up apart, and for
a few days only: after that *horizon* nobody can open what was erased, whatever copy of
the book they have. The *ledger* of erasures (`core.erasures`) is replayed on a book that
is older than it, before anybody is served; so is that of withdrawals (`core.withdrawals`).
"""
