"""What ``gatewise classify`` and ``gatewise generate`` do, once the words are understood."""
