"""One fan as a whole: the timeline of everything, figures, segments, and the comparison of two fans before a merge."""
