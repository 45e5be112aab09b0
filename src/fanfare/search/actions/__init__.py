"""Starts searches, stores their result sets, and reads them by pages."""
