"""Everything that students never receive: references, hidden tests, variants, the handout's build, proofs."""
