"""What faults act with: cgroups, small file systems, damages to files, copies of data, and what a node makes of it."""
