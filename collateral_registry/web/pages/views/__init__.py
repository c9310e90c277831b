"""Views: each returns a template and its values for a visit."""
