"""Importance estimators."""
