"""Stand-in for urllib3 2.0.7. Holds none of its code."""

__version__ = '2.0.7'
