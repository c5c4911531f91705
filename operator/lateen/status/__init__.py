"""What is said about each object: conditions out of findings and acknowledgements, and where they are written."""
