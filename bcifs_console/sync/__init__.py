"""From a due order to a document in IFS: dispatch, load, match, plan, post, retry, poll, hooks."""
