"""Every yes and no of a visitor, and what hangs on it.

*Register*: the only cookies that may ever leave this server, each with its
category, purpose, life and reader. *Gate*: around the whole application; what
isn't in the register, or isn't permitted now, doesn't pass. *Signal*: a refusal
that a browser sends with every request. *Notice*: the very words that a visitor
was shown. *Choice*: what they answered, in a cookie of theirs. *Receipt*: the
proof of it, an entry of a chain whose *heads* are published. *Grant*: the row
that makes a yes alive on the server; everything that was noted under it goes
with it. *Permission*: what a writer must hold in its hands, and gets from a live
choice only.
"""
