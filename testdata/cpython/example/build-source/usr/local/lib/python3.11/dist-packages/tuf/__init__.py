"""Stand-in for tuf 2.1.0. Holds none of its code."""

__version__ = '2.1.0'
