"""Haircuts: price models, their backtests and monitoring, composition of parts, and supervisory formulas."""
