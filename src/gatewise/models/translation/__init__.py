"""From one sequence of units to another: translation, pronunciation, spelling."""
