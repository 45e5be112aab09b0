"""The ground under every domain: HTTP, the wire's formats, the database, the change log, jobs. It knows no fan."""
