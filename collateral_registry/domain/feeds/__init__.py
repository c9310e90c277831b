"""Items of feeds in columns, the checks that their kinds share, and the state of rejected items."""
