"""What a caller meets, and how the graph is wired."""
