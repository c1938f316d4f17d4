"""The command line: each command parses, calls one operation, prints a table or JSON."""
