"""Which banner of a slot a visitor is shown: a discounted contextual bandit a slot, and what it is judged by."""
