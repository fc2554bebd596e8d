"""Stand-in for hpack 4.0.0. Holds none of its code."""

__version__ = '4.0.0'
