"""The engine: plays steps in a cluster, watches it, and writes the timeline."""
