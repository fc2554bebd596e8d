"""Stand-in for cffi 1.15.1. Holds none of its code."""

__version__ = '1.15.1'
