"""How many replicas, GPUs and nodes a demand takes, what that costs, and how long a video waits for its turn."""
