"""
Is a model harder on one sex?
=============================

The progress of diabetes after a year, for 442 patients; sex and age are compared by a test that goes by ranks.
"""

# %%
# Scores of numbers to predict: the squared error of each patient, added up over training.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from actscore_sk import ActionScoreRegressor
from actscore_sk.inspection import GroupDifficultyDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
scorer = ActionScoreRegressor(random_state=0).fit(X, y)
groups = {"sex": X["sex"].astype(int).astype(str), "age": X["age"], "progress": y}
display = GroupDifficultyDisplay.from_estimator(scorer, groups)
plt.show()

# %%
# A group differs if its interval leaves out 0.5 after correction for the number of groups. Neither sex is harder here;
# patients whose illness progressed much are.
print(display.frame()[["column", "group", "n", "harder", "p_adjusted", "differs"]].round(3).to_string())

# %%
# The same within each sex: are old men harder than others?
crossed = {"sex": groups["sex"], "age": np.where(X["age"] > 50, "over 50", "up to 50")}
GroupDifficultyDisplay.from_estimator(scorer, crossed, crossed=True)
plt.show()
