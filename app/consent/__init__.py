"""Every yes and no of a visitor; so far, the register of cookies and its gate.

*Register*: the only cookies that may ever leave this server, each with its
purpose, life and reader. *Gate*: around the whole application; what isn't in
the register doesn't pass.
"""
