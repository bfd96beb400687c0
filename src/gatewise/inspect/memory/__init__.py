"""What a state holds on to: who wrote it, for how long, and how open its gates are."""
