"""Facts from files: tables as CSV or Parquet, checked cell by cell and row by row."""
