"""People and their ways in.

*Person*: whoever we hold data on, with or without an account; every personal
value of theirs is sealed. *Account*: a person's way to sign in; here the
owner's. *Session*: a row, so that it can be ended; its id is kept hashed.
*Sign-in link*: a single-use address that opens a session.
"""
