"""Storage on SQLite or PostgreSQL; the only package that imports SQL libraries."""
