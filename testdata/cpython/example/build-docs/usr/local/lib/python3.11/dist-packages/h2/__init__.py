"""Stand-in for h2 4.1.0. Holds none of its code."""

__version__ = '4.1.0'
