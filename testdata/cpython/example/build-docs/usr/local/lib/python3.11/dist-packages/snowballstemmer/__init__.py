"""Stand-in for snowballstemmer 2.2.0. Holds none of its code."""

__version__ = '2.2.0'
