"""The console: a Textual application that attaches to the store (DESIGN §11). Imports nothing of Textual by itself."""
