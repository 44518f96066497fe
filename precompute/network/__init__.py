"""The one package that knows models: loads a classifier, cuts it into two halves, feeds it as it was trained."""
