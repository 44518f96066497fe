"""What every importance estimator offers."""
