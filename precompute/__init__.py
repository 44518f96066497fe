"""Turn photographs and a vision network into an atlas of concepts."""
