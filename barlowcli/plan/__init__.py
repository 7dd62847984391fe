"""From experiment, preset and flags to the cells of a grid, frozen before the first is run."""
