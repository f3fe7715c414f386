"""What the network sees, and what it is made of: functions from tensors to arrays and figures."""
