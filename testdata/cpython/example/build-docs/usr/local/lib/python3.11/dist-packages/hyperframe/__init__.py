"""Stand-in for hyperframe 6.0.1. Holds none of its code."""

__version__ = '6.0.1'
