"""`liveshelf doctor`: what is asked once (`facts`), and the checks, pure functions of that, one concept a file."""
