"""A whole network: what every pixel receives from all cells, and what changes when one does."""
