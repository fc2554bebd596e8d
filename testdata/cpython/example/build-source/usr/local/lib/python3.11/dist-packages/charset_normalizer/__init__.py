"""Stand-in for charset-normalizer 3.2.0. Holds none of its code."""

__version__ = '3.2.0'
