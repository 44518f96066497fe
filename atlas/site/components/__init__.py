"""Domain types → parts of a page: pure, no server, no store."""
