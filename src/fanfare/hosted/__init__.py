"""Pages that fans see, in the look of the business: what it may send them, and one click to end it.

A fan gets there by a link that names the fan and cannot be made up; nobody logs in. What the fan chooses is written
into the ledger of consents by the same action as a call of the API. It announces nothing of its own.
"""
