"""Tests of a city of booted hosts, which stands as long as one of this folder wants it."""
