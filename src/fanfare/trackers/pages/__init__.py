"""Pages of links: the password of a protected one."""
