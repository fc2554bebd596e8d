"""Stand-in for bcrypt 4.0.1. Holds none of its code."""

__version__ = '4.0.1'
