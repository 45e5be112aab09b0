"""Messages: mail and SMS that leave by the job queue, the templates they are made of, and who gets none.

What it announces is in `topics.py`.
"""
