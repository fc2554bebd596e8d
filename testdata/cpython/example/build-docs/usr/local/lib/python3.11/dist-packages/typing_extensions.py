"""Stand-in for typing-extensions 4.7.1. Holds none of its code."""

__version__ = '4.7.1'
