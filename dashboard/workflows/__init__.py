"""The use cases, one verb a function: check the rules, read, compute, write once."""
