"""What is said of the demand for items: flags, their numbers, and the answer of offers."""
