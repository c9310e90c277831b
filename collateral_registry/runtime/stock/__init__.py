"""Runtime of warehouse stock: the writer process, batching and the sync task."""
