"""Monitoring of haircut models: exceedance record, traffic-light status and drift."""
