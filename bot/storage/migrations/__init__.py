"""The schema's history. `storage.migrate` runs it; a new step is a file in `versions` and a new `HEAD` there."""
