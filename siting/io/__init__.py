"""The only modules of ``siting`` that read or write files."""
