"""Stand-in for PyJWT 2.8.0. Holds none of its code."""

__version__ = '2.8.0'
