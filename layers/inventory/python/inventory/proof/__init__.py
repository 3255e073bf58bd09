"""Proving the history without trusting who wrote it.

Written from docs/history.md, and sharing no code with what writes the history: a mistake made there is not made here
again. Everything works on a folder that has the bucket's layout, so that a copy of the bucket is all an auditor needs.

`verify` leads through it: what was signed (`chain`, `files`), what was archived (`archive`), what follows from that
(`rebuild`), and the rules that it keeps (`checks`, `openings`). The live tables (`live`) only audits look at.
"""
