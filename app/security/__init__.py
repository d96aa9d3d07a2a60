"""Secrets: sealing, passwords, session tokens and API keys. Time and randomness are handed in; nothing here knows a database."""
