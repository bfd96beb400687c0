"""What a state remembers: which steps wrote it, for how long it lasts, and how open its gates are."""
