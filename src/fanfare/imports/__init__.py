"""Imports: rows of a file that is uploaded, inspected, mapped to fields, checked and written, and can be undone.

Announces `import.*`; what the rows create is announced by its own domain.
"""
