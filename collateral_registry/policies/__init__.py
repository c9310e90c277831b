"""The default policy, shipped as data with the source of each number beside it."""
