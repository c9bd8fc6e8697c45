"""What the command line does, one file per command that is more than a few lines; `forensics.__main__` parses."""
