"""Long checks with one command: ``python -m tests.long [facts] [rumour] [scale] [coverage] [nulls] [--quick]``."""
