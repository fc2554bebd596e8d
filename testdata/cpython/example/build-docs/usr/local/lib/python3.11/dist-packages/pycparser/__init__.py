"""Stand-in for pycparser 2.21. Holds none of its code."""

__version__ = '2.21'
