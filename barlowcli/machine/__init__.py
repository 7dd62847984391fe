"""What this machine is: its devices, cores and memory, and where a number came from."""
