"""Stand-in for frozenlist 1.4.0. Holds none of its code."""

__version__ = '1.4.0'
