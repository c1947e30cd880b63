"""OGC API - Features Part 1 over districts, zones, candidate sites and planned stations."""
