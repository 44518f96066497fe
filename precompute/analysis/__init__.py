"""What activations, codes and contributions say: arithmetic and clusters, one module a question."""
