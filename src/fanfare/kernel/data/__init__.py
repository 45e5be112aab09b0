"""The database: connections, migrations, the change log, jobs and the worker, and backups."""
