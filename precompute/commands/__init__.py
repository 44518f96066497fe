"""What each command of the maker does; the command line itself is ``precompute.__main__``."""
