"""Equipment: schedules, classes, bases of value."""
