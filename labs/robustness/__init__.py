"""What makes a network wrong: attacks that nobody sees, pictures that are worn, and shape against texture."""
