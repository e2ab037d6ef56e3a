"""Break it, heal it, judge it: faults, load, scenarios and their runner."""
