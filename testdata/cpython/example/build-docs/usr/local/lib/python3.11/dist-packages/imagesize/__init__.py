"""Stand-in for imagesize 1.4.1. Holds none of its code."""

__version__ = '1.4.1'
