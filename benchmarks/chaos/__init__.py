"""``make chaos``: whatever dies, an acknowledged movement is neither lost nor counted twice."""
