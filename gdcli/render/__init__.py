"""Records to text: tables, JSON, CSV. No torch here."""
