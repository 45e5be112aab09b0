"""Where people are: countries, provinces, postal codes and the normal form of an address.

Nothing here is a tenant's and nothing is announced. The lists of ISO 3166 come out of the package pycountry's files,
read at the first question, since a server that is asked for no address should not hold them.
"""
