"""Where a city's new infrastructure goes: certified plans on real physics."""
