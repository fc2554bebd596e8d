"""Stand-in for idna 3.7. Holds none of its code."""

__version__ = '3.7'
