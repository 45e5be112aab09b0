"""Reads exports."""
