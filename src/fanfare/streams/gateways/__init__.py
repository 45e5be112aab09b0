"""What reads sources: feeds, Mastodon, Bluesky, mailboxes; and what copies pictures."""
