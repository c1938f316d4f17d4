"""The front door: the public webhook endpoint, and health and metrics on a loopback port. Owns the sockets."""
