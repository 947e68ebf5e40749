"""From a checked plan to artefacts: pure, no I/O, same plan same bytes."""
