"""The unit tests: GoogleTest programs whose names end in Tests."""

import lit.formats

config.name = "dyn-unit"
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.test_source_root = config.test_exec_root
