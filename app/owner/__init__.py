"""The owner's pages: what today brings, every reservation, and the letters of the demo.

*Today*: who arrives, leaves and stays, and the next sessions, by the calendar
of the place. *Letter*: a mail as the demo wrote it into a folder, to be looked at.
"""
