"""Commands of the audit log: keys, exports and their verification."""
