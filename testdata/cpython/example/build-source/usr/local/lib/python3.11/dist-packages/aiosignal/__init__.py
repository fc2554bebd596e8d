"""Stand-in for aiosignal 1.3.1. Holds none of its code."""

__version__ = '1.3.1'
