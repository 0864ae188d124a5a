"""Jobs: what was asked for, the pipeline that makes it, and the memory of what was made."""
