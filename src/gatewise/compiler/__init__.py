"""From a cell's recorded step to programs: forward, backward, and the stages that kernels carry through time."""
