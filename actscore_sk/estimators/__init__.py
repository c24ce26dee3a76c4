"""scikit-learn estimators that wrap a skorch net and score the samples it is fitted on."""
