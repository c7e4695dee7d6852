"""What is wanted of an item: counts, rates, days and their forecast, as pure functions on numbers."""
