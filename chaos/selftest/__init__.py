"""Tests of the suite itself, beside what they test."""
