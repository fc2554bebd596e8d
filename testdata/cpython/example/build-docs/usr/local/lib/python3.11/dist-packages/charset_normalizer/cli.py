"""Stand-in for charset-normalizer 3.2.0. Holds none of its code."""


def cli_detect():
    print('charset-normalizer 3.2.0')
