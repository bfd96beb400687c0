"""One file per target: what turns a program into something that runs."""
