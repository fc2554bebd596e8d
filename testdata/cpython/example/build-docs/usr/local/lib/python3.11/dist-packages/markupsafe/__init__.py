"""Stand-in for MarkupSafe 2.1.5. Holds none of its code."""

__version__ = '2.1.5'
