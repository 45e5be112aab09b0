"""Streams: walls of social content.

A record is one post on a stream, by an author of a network. Sources bring records in as jobs; sites and apps submit
them too. Records are published at once or wait for staff, by the stream's trust level.

Topics of the change log: `topics.py`.
"""
