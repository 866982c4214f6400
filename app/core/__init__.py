"""The ground floor: database, clock, money, languages, the vault and the outbox.

Nothing here knows HTTP or any feature. *Data map*: every column says what it
holds (`core.datamap`). *Vault*: where personal values are sealed under a key
per person (`core.vault`). *Outbox*: work to be done after a request, written
in its own transaction (`core.outbox`).
"""
