"""Starts searches and writes their sets down."""
