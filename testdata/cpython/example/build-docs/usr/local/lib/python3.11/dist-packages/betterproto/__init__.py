"""Stand-in for betterproto 2.0.0b5. Holds none of its code."""

__version__ = '2.0.0b5'
