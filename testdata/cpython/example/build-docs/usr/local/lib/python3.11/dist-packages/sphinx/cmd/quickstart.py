"""Stand-in for Sphinx 7.3.7. Holds none of its code."""


def main():
    print('Sphinx 7.3.7')
