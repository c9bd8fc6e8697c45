"""Studies of the engine on labelled recordings, one a file: each yields rows of the validation record."""
