"""What the hub sends to people: letters over SMTP, and the reports they have subscribed to."""
