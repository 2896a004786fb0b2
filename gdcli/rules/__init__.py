"""Update rules and schedules: a row for each with all that is known of it, and the code that makes its steps."""
