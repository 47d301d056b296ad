"""What makes the firm's fortune."""

RULE = "buy when the canary sings"
