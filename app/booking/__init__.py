"""Booking: what is offered, what is free, what it costs, and how it becomes firm.

*Offer*: a stay (nights in one of several like units) or a session (a start on the
wall clock, a length, a number of seats). *Night*: the date on which it begins; a stay
is half open, [arrive, depart). *Hold*: places taken for a visitor while they pay, until
a time. *Reservation*: a visitor's basket made firm; its lines are stays, sessions,
extras, fees and taxes, priced one by one, under one cancellation policy as it stood.
"""
