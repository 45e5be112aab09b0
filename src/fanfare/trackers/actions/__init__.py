"""What changes trackers, clicks, sales and domains."""
