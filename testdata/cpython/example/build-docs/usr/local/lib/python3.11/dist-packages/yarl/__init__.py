"""Stand-in for yarl 1.9.2. Holds none of its code."""

__version__ = '1.9.2'
