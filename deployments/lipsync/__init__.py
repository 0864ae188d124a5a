"""Lip-sync: a face and a drive to mouth frames."""
