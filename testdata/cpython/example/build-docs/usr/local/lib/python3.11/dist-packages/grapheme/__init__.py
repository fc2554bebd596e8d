"""Stand-in for grapheme 0.6.0. Holds none of its code."""

__version__ = '0.6.0'
