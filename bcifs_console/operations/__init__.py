"""The verbs shared by the command line and the console: connect, test, look, decide, sync, repair."""
