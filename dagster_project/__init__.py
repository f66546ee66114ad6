"""Orchestration only: assets, checks, jobs and schedules that wire the domain library; no credit arithmetic."""
