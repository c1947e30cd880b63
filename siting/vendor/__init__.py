"""Browser files of others, each with its licence; see README.md."""
