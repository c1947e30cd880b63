"""The two steps of a city plan, put to the location engine and read back with their limits."""
