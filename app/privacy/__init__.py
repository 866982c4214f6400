"""One's own data: see it, take it along, correct it, limit its use, and have it gone (C26).

A *subject* is whoever asks: the person of an account with everybody they have shown to
be, or the guest of a reservation who typed the code that was mailed to them. What is
held on a subject is read from the data map alone, so that what is shown, exported,
erased and purged can't differ.
"""
