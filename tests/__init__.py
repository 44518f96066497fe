"""Tests and benchmarks. A package, so that another called tests, which a peer installs, cannot take its name."""
