"""What students never receive: how the references, the embedded network and the pictures are made."""
