"""Authorities and certificates; the gateway meets it through files only."""
