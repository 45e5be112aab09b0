"""People who work in the Manage Centre: invitations, sign-in, second factors, sessions, and roles in accounts.

A person signs in with a password and a code (TOTP), or with a passkey, and may belong to several accounts.
"""
