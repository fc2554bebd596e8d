"""Stand-in for packaging 23.2. Holds none of its code."""

__version__ = '23.2'
