"""The review as a page that one can send, and the same inside a notebook: the suspects, the keys, the journal, and when to stop."""
