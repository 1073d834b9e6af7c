"""Long checks with one command: ``python -m tests.long [facts] [rumour] [scale] [--quick]``; also ``planted`` and ``publish``."""
