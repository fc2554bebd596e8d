"""Stand-in for python-gnupg 0.5.1. Holds none of its code."""

__version__ = '0.5.1'
