"""Stand-in for python-dateutil 2.8.2. Holds none of its code."""

__version__ = '2.8.2'
