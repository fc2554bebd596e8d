"""Stand-in for six 1.16.0. Holds none of its code."""

__version__ = '1.16.0'
