"""The pages of segments: their list, one of them, comparisons, and the editor."""
