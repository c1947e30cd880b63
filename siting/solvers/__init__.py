"""The searches and the bounds: greedy, local search, Lagrangian multipliers, HiGHS."""
