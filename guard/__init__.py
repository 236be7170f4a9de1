"""Outguard: what reads a model's reply before anybody else does."""
