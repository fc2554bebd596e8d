"""Stand-in for attrs 23.1.0. Holds none of its code."""

__version__ = '23.1.0'
