"""Books warehouse stock at run time: the writer process, batching and the sync task."""
