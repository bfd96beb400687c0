"""What the literature says a memory cell must solve, at the pass lines that it was solved at, over several seeds."""
