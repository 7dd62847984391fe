"""One file a method: its branches and its loss."""
