"""Side-by-side measurements; each prints ratios and says which bars are met."""
