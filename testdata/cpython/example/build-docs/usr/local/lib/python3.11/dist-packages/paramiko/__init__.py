"""Stand-in for paramiko 3.4.0. Holds none of its code."""

__version__ = '3.4.0'
