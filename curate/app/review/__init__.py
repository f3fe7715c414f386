"""Review in the App: what the plugin `@curate/review` does when a button or a key is pressed."""
