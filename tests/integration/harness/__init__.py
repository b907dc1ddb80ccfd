"""What the tests stand on: a real daemon in namespaces of its own, and ways to drive it."""
