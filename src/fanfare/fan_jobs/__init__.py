"""Fan jobs: one action on many fans, carried out in steps by workers. Nouns: fan job, chunk.

The fans are fixed once, in chunks; each step does a chunk and moves the job on in one transaction, so nothing is done
twice or left out by a worker that dies. The list of what is announced is in topics.py.
"""
