"""The ground for pages that people see: templates, forms, assets, security headers, cookies, languages, error pages.

A page is declared like a call of the API: a function with a docstring whose signature asks for what it needs
(`page.py`). `site.py` serves it. It knows no fan: hosted pages, the Manage Centre and the console stand on it.
"""
