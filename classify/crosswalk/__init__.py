"""Which items of reporting guidelines a run or an audit answers, and where; what only the author can say."""
