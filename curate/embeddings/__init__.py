"""What can be done with (N, D) embeddings: neighbours and a 2-D map."""
