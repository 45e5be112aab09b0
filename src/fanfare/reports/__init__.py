"""Reports: answers of calls under a name, for partners and sponsors, and links that show them to people without a key.

A report stores which call it is made of, with its parameters, and is computed each time it is read.

Topics of the change log: `topics.py`.
"""
