"""What the command line does, one file per command; `forensics.__main__` parses."""
