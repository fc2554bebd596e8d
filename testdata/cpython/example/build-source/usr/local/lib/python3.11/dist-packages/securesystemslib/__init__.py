"""Stand-in for securesystemslib 0.28.0. Holds none of its code."""

__version__ = '0.28.0'
