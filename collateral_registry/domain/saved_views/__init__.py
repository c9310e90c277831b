"""Named addresses of the pages."""
