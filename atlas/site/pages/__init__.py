"""One module per address. Each takes a store and returns what is shown."""
