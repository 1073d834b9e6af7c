"""Long checks: ``python -m tests.long [facts] [rumour] [scale] [fuzz] [coverage] [nulls] [kill] [--quick]``, ``planted``,
``publish``, ``tune``, ``rows``."""
