"""From the solution to what students receive: files without their solutions, proofs of it, and a zip."""
