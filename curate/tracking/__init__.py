"""What a run did and found, for Weights & Biases or TensorBoard: both optional, neither needs an account or a network."""
