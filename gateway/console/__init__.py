"""The pages that people look at: the monitoring centre, and the exhibition hall."""
