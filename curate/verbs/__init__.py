"""verbs: every command of the command line as a function, or as a method of an Audit."""
