"""Running Filiation on one machine: the supervised group of processes (`up`) and the demonstration (`demo`)."""
