"""Storages: buckets of S3-compatible services, from which imports are read and to which exports are written."""
