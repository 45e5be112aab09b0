"""Writers of files, as programs of their own: what they load ends with them."""
