"""What single units and whole layers respond to, and what they remember of an image."""
