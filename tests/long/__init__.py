"""Long checks with one command: ``python -m tests.long [facts] [rumour] [scale] [fuzz] [coverage] [nulls] [kill] [--quick]``."""
