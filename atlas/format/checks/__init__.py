"""What may be wrong with an atlas, one module a kind."""
