"""Stand-in for aiohttp 3.9.4. Holds none of its code."""

__version__ = '3.9.4'
