"""A location model as a mixed-integer programme on plain arrays."""
