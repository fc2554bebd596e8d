"""Stand-in for PyNaCl 1.5.0. Holds none of its code."""

__version__ = '1.5.0'
