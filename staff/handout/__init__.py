"""Make of the solution what students receive: files without their solutions, proofs of it, and a zip."""
