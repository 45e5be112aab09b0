"""What fans see: what a program may read of them, the programs that they agreed to, and logging out."""
