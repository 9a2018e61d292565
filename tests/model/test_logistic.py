import numpy as np
import pytest

from napari_stmml.model.logistic import regression, softmax

RNG = np.random.default_rng(0)


@pytest.fixture
def problem():
    middles = np.array([[0, 0], [1.5, 0], [0, 2.0]])
    labels = RNG.integers(0, 3, 600)
    points = middles[labels] + RNG.normal(size=(600, 2))
    return np.column_stack([points, np.ones(600)]), labels, RNG.uniform(0.5, 2, 600)


def test_it_finds_what_scikit_learn_finds(problem):
    from sklearn.linear_model import LogisticRegression

    seen, labels, counts = problem
    found = regression(seen, np.eye(3)[labels], counts, np.zeros((3, 3)), penalty=2.0, steps=200)
    other = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(seen[:, :2], labels, sample_weight=counts)
    np.testing.assert_allclose(softmax(seen @ found), other.predict_proba(seen[:, :2]), atol=1e-3)


def test_answers_that_are_met_already_leave_the_weights_as_they_are(problem):
    seen, _, counts = problem
    start = RNG.normal(size=(3, 3))
    answers = softmax(seen @ start)
    np.testing.assert_allclose(regression(seen, answers, counts, start, penalty=0.0, steps=50), start)


def test_a_vector_that_counts_twice_is_the_same_as_two_of_it(problem):
    seen, labels, _ = problem
    answers = np.eye(3)[labels]
    twice = np.repeat(np.arange(600), 1 + (labels == 2))
    start = np.zeros((3, 3))
    one = regression(seen, answers, 1.0 + (labels == 2), start, penalty=1.0, steps=200)
    other = regression(seen[twice], answers[twice], np.ones(len(twice)), start, penalty=1.0, steps=200)
    np.testing.assert_allclose(softmax(seen @ one), softmax(seen @ other), atol=1e-3)
