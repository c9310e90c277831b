"""Depreciation of equipment: schedules, equipment classes and bases of value."""
