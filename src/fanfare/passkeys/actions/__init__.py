"""Makes challenges, verifies what devices answer, and keeps passkeys and the origins for them."""
