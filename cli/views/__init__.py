"""Results in words and tables; each view answers --format=json with the value itself."""
