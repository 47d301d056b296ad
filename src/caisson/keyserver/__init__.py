"""The key server: hands secrets to programs that proved what they are, and says later to whom and why."""
