"""The book's own Sphinx extension and tools. Nothing here needs torch or a model: pages are built from stored outputs."""
