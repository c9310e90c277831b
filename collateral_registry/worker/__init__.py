"""Work on many partitions at once: in processes of this machine, or on several machines."""
