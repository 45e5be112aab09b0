"""Templates of messages: those that come with Fanfare, and how any template is checked and rendered."""
