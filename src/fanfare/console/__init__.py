"""The Manage Centre at /manage: pages for staff over the same actions and queries as the API."""
