"""The stored audit log: which facts it holds, the entries of commits, the chains of feeds, checkpoints and exports."""
