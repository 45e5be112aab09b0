"""The pages that fans see, a module for each subject."""
