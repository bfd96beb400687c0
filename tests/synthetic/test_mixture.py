from __future__ import annotations

import pickle

import numpy as np

from gatewise.synthetic import Mixture


def test_a_batch_is_a_function_of_seed_and_number() -> None:
    first, second = Mixture(3, points=4096), Mixture(3, points=4096)
    first.next_batch()
    restored = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(second.batch(1).values, restored.next_batch().values)
    assert first.batch(1).values.tobytes() != Mixture(4, points=4096).batch(1).values.tobytes()
