"""The demo bank: an outside bank that is built in, and moves no real money.

It keeps its own tables, reached by connections of its own, never in a transaction of the
shop's; it knows of a guest what any provider is told, an opaque id, an amount and a label.
Its notices are signed and come in by the same door as anybody's. It can't be made in
production mode.
"""
