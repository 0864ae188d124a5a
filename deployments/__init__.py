"""The stages of a talking photo: one package a stage, each a plain object behind a thin Serve deployment."""
