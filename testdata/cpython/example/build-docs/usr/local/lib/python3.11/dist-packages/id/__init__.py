"""Stand-in for id 1.0.0. Holds none of its code."""

__version__ = '1.0.0'
