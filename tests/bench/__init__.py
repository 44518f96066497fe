"""Benchmarks: ``python -m tests.bench``; never run in CI."""
