"""Values of variables from files: CSV, JSON, NPY, NPZ, Parquet. No torch here."""
