"""Stand-in for Pygments 2.17.2. Holds none of its code."""

__version__ = '2.17.2'
