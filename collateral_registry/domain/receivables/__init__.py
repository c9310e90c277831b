"""Borrowing bases of loans, their differences, roll-forwards of pools, and the priority of assignees."""
