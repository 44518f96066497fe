"""Domain types → plotly figures: pure, one picture a module."""
