"""What an account sets up of itself: time zone, currency and country, and how long it keeps what."""
