"""What an output is owed to: sums over the inputs, and which inputs it hangs on at all."""
