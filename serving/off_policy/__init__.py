"""What another policy would have earned, from what was logged: decisions, their propensities, and what shoppers did."""
