"""Stand-in for certifi 2023.7.22. Holds none of its code."""

__version__ = '2023.7.22'
