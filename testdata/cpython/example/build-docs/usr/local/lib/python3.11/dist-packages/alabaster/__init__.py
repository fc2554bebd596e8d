"""Stand-in for alabaster 0.7.16. Holds none of its code."""

__version__ = '0.7.16'
