"""Stand-in for alive-progress 3.1.4. Holds none of its code."""

__version__ = '3.1.4'
