"""What a file holds: from its bytes to the array that the network sees. Without SQL and TensorFlow."""
