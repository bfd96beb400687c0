"""Estimators that label sequences or predict numbers from them, in scikit-learn's manner."""
