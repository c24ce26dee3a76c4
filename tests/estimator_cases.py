"""Nets and data that the tests of the estimators share; module-level, so that worker processes can load them."""

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

N_SAMPLES, N_FEATURES = 48, 4

torch.set_num_threads(1)  # data of this size gain nothing from threads, and lose much where other work runs


class MLP(nn.Module):
    """One hidden layer on flattened features; `scale` is there for fit_params."""

    def __init__(self, n_features=N_FEATURES, n_outputs=2, n_hidden=5, dtype=torch.float32):
        super().__init__()
        self.hidden = nn.Linear(n_features, n_hidden, dtype=dtype)
        self.output = nn.Linear(n_hidden, n_outputs, dtype=dtype)

    def forward(self, X, scale=1.0):
        return self.output(torch.tanh(self.hidden(X.flatten(1)))) * scale


class Probabilities(MLP):
    def forward(self, X):
        return super().forward(X).softmax(1)


class Flat(MLP):
    """Outputs (n,) instead of (n, 1)."""

    def __init__(self, n_features=N_FEATURES, dtype=torch.float32):
        super().__init__(n_features, 1, dtype=dtype)

    def forward(self, X):
        return super().forward(X).squeeze(1)


class Sigmoid(Flat):
    """The probability of the second class, (n, 1)."""

    def forward(self, X):
        return super().forward(X).sigmoid().unsqueeze(1)


class Words(nn.Module):
    """Takes integers only, (n, length)."""

    seen = ()

    def __init__(self, n_words=10, n_outputs=2):
        super().__init__()
        self.embedding = nn.Embedding(n_words, 3)
        self.output = nn.Linear(3, n_outputs)

    def forward(self, X, scale=1.0):
        self.seen = (*self.seen, X.dtype)
        return self.output(self.embedding(X).mean(1)) * scale


class WordsAndNumbers(nn.Module):
    """Two inputs by name: integers for an embedding, numbers for a layer."""

    def __init__(self):
        super().__init__()
        self.words, self.output = Words(n_outputs=3), nn.Linear(3 + N_FEATURES, 2)

    def forward(self, words, numbers):
        return self.output(torch.cat([self.words(words), numbers], 1))


class Pair(MLP):
    """Two inputs in a tuple, or by name."""

    def forward(self, X=None, left=None, right=None):
        return super().forward(torch.cat([left, right] if X is None else list(X), 1))


class Convolution(nn.Module):
    """Takes images (n, 3, 6, 6)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(32, 2))

    def forward(self, X):
        return self.layers(X)


class Items(Dataset):
    """A data set of the user's own, without `targets` to look at."""

    def __init__(self, X, y):
        self.X, self.y_ = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y_[i]


class LossLog(Callback):
    """Scores by hand: in plain skorch, samples in order, every training batch evaluated without a reduction."""

    def on_train_begin(self, net, **kwargs):
        self.losses_ = []

    def on_batch_end(self, net, batch, training, y_pred, **kwargs):
        if training:
            reduction, net.criterion_.reduction = net.criterion_.reduction, "none"
            with torch.no_grad():
                losses = net.get_loss(y_pred, batch[1], training=True)
            net.criterion_.reduction = reduction
            self.losses_.append(losses.reshape(len(losses), -1).double().mean(1).numpy())

    def scores(self, n_samples):
        return np.concatenate(self.losses_).reshape(-1, n_samples).sum(0)


def make_net(kind=NeuralNetClassifier, module=MLP, **options):
    """A net that is quick, silent, and trains on all samples in order."""
    given = {"criterion": nn.CrossEntropyLoss} if issubclass(kind, NeuralNetClassifier) else {}
    defaults = {"lr": 0.1, "max_epochs": 2, "batch_size": 20, "train_split": None, "verbose": 0}
    return kind(module, **{**defaults, **given, **options})


def _int64(codes):
    return codes


def _float32(codes):
    return codes.astype(np.float32)


def _column(codes):
    return _float32(codes).reshape(-1, 1)


def _signs(codes):
    return _column(2 * codes - 1)


def _binary(kind, module, criterion, **options):
    return lambda **more: make_net(kind, module, criterion=criterion, **options, **more)


# name: (factory, what codes have to become for plain skorch)
TWO_CLASS_NETS = {
    "cross entropy": (make_net, _int64),
    "log-likelihood": (lambda **more: make_net(module=Probabilities, criterion=nn.NLLLoss, **more), _int64),
    "binary": (lambda **more: make_net(NeuralNetBinaryClassifier, Flat, **more), _float32),
    "binary, column": (lambda **more: make_net(NeuralNetBinaryClassifier, module__n_outputs=1, **more), _float32),
    "logit": (_binary(NeuralNetClassifier, Flat, nn.BCEWithLogitsLoss), _float32),
    "logit, column": (_binary(NeuralNetClassifier, MLP, nn.BCEWithLogitsLoss, module__n_outputs=1), _column),
    "probability, column": (_binary(NeuralNetClassifier, Sigmoid, nn.BCELoss), _column),
    "soft margin, column": (_binary(NeuralNet, MLP, nn.SoftMarginLoss, module__n_outputs=1), _signs),
}


def codes_by_hand(module_output):
    """Class codes from what the module gave: the largest output, or the side of a single one."""
    output = module_output.detach().numpy()
    if output.ndim == 2 and output.shape[1] > 1:
        return output.argmax(1)
    is_probability = ((output > 0) & (output < 1)).all()
    return (output.reshape(-1) > (0.5 if is_probability else 0)).astype(int)


def make_regression_net(module=MLP, **options):
    options = {"module__n_outputs": 1, **options} if module is MLP else options
    return make_net(NeuralNetRegressor, module, **options)


def make_data(n_classes=2, seed=0, n_samples=N_SAMPLES):
    """Features (n, 4) float32 and codes (n,) int64, learnable, every class present in each quarter."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, N_FEATURES)) + 1.5 * codes[:, None] * [1, -1, 0, 0.5]
    return X.astype(np.float32), codes


def parameters_of(net):
    net = getattr(net, "estimator_", net)
    return {name: value.detach().clone() for name, value in net.module_.state_dict().items()}


def assert_same_net(one, two):
    """Parameters are equal bit for bit."""
    one, two = parameters_of(one), parameters_of(two)
    assert one.keys() == two.keys()
    differing = [name for name in one if not torch.equal(one[name], two[name])]
    assert not differing, f"differ: {differing}"


def assert_close_net(one, two, atol=1e-6):
    for (name, a), b in zip(parameters_of(one).items(), parameters_of(two).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol, msg=lambda text, name=name: f"{name}: {text}")


def fit_plain(net, X, y, seed=0, **fit_params):
    """Train a net in plain skorch; give the net and the scores by hand."""
    log = LossLog()
    net.set_params(callbacks=[("log", log)])
    torch.manual_seed(seed)
    net.fit(X, y, **fit_params)
    return net, log.scores(len(y) if hasattr(y, "__len__") else len(X))


def fit_seeded(estimator, *args, seed=0, **kwargs):
    torch.manual_seed(seed)
    return estimator.fit(*args, **kwargs)
