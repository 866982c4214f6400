"""Stripe as a payment provider: its hosted page, and nothing of it on ours.

*Session*: a checkout session, Stripe's page for one attempt; its id is our `ref`.
Only `client.py` knows the library, and only where a key is set is it imported.
"""
