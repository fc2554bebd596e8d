"""Stand-in for Babel 2.14.0. Holds none of its code."""

__version__ = '2.14.0'
