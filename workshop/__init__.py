"""Programs that made what is shipped: the embedded network, sample scenes and paintings, and the README's pictures."""
