"""Exports over HTTP: the calls, and the files by their links."""
