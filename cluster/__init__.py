"""How the service runs beyond one machine, and what is known of it there: capacity, load, faults."""
