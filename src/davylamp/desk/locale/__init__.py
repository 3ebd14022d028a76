"""The desk's words in Chinese: fragments of the tasks, and what is built of them."""
