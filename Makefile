# What is generated from something else and kept; the difference is for review.
python = .venv/bin/python

.PHONY: golden errors

golden:
	$(python) -m tests.golden

errors:
	$(python) -m gateway.catalogue.page >docs/errors.md
	$(python) -m pki.page >>docs/errors.md
