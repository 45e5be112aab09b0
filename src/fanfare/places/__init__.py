"""Places: countries, provinces, postal codes and normalised addresses.

Shared by all accounts; changes are not announced. The lists of ISO 3166 are the package pycountry's files, read on
first use to save the memory of processes that need no addresses.
"""
