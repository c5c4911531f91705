"""A running instance: the parts put together, and the loop that keeps them in step."""
