"""The use cases, a file for each, beside what several of them share: looking, trying again, remembering."""
