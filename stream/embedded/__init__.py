"""What `liveshelf up` starts when no URL is given: a broker and a Redis, on loopback, gone with the process."""
