"""Stand-in for requests 2.31.0. Holds none of its code."""

__version__ = '2.31.0'
