"""Storage: objects by key, in a folder or an S3 bucket."""
