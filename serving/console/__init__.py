"""Pages for operators and marketers, behind a sign-in of their own."""
