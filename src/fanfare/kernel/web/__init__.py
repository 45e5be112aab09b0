"""HTTP: connections, the steps that each call takes, its answer, and the document that describes the calls."""
