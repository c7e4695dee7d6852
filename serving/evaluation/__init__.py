"""What `liveshelf evaluate` makes of predictions: targets, measures, intervals, the report."""
