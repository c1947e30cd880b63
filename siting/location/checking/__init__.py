"""The independent check of solutions: what an answer reaches, and what its certificate proves."""
