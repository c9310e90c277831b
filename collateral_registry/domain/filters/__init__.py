"""The filter language of lists: fields, expressions and the parser. docs/filters.md is its reference."""
