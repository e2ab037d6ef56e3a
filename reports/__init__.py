"""What was seen and what is claimed: verdicts, timelines, the run record and its renderers."""
