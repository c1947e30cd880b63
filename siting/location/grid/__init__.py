"""Place-anywhere siting: every cell of a grid is a candidate, and none is ever listed."""
