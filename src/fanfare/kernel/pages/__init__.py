"""Infrastructure for HTML pages: templates, forms, assets, security headers, cookies, languages, error pages.

A page is declared like an endpoint of the API: a function with a docstring whose signature asks for its arguments
(`page.py`). `site.py` serves it. It knows no fan; hosted pages, the Manage Centre and the console use it.
"""
