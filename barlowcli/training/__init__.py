"""The loop over steps, how a step is taken, optimisers, checkpoint and log."""
