"""Stand-in for about-time 4.2.1. Holds none of its code."""

__version__ = '4.2.1'
