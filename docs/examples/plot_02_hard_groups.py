"""
Which groups are hard
=====================

Differences between groups of a table, called differences only where the data carry them.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import GroupDifficultyDisplay

data = load_breast_cancer(as_frame=True)
diagnosis = data.target.map(dict(enumerate(data.target_names)))
scorer = ActionScoreClassifier(random_state=0).fit(StandardScaler().fit_transform(data.data), diagnosis)
groups = {"diagnosis": diagnosis, "mean radius": data.data["mean radius"]}
display = GroupDifficultyDisplay.from_estimator(scorer, groups)
plt.show()

# %%
# The numbers that are drawn. Tumours of middling size are the hard ones.
print(display.frame()[["column", "group", "n", "lift", "harder", "p_adjusted", "differs"]].round(3).to_string())
