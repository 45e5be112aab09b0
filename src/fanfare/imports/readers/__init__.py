"""Reads the rows of files, in whichever dialect they are written."""
