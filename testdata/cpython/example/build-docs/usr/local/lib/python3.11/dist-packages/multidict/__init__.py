"""Stand-in for multidict 6.0.4. Holds none of its code."""

__version__ = '6.0.4'
