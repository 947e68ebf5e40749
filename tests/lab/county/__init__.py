"""Tests of a part of the city, which stands as long as one of this folder wants it."""
