"""Mail: how an invitation reads, the way to the mail server, and its delivery."""
