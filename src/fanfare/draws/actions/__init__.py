"""Creates draws, draws winners, and replaces them."""
