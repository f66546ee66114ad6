"""Placeholder, replaced when the stage is written."""
