"""The lab's own networks: namespaces, bridges and cables."""
