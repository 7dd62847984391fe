"""What a cell leaves behind: paths, records, logs, metrics, and the lease of the process that works on it."""
