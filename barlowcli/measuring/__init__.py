"""What a step costs on this machine: the estimate of a dry run, and throughput."""
