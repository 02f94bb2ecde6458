"""The programs that are timed, each written once for every library: ``np`` is its namespace."""

import types

import numpy as onp


def arithmetic(np, x, operations=1000):
    """A chain of additions and multiplications: two operations a step."""
    for _ in range(operations // 2):
        x = x * 0.99 + 0.1
    return x


def mixed(np, x, operations=1000):
    """A chain with a sine in it: four operations a step."""
    for _ in range(operations // 4):
        x = np.sin(x * 0.99) + 0.1 * x
    return x


def summed(program):
    """Turn a program whose result is a vector into one whose result is a number."""

    def total(np, x, operations=1000):
        return np.sum(program(np, x, operations))

    return total


def dot_by_index(np, a, length):
    """a·a, element by element: two indexings, a product and a sum a step."""
    s = 0.0
    for i in range(length):
        s = s + a[i] * a[i]
    return s


def square(np, x):
    """One operation: what remains is the cost of the call of grad itself."""
    return x * x


def caller(f):
    """Return a loop that calls f from Python, as programs do.

    Its code is its own: Python makes a line faster for the one function that it calls.
    """

    def called(a, times=100):
        for _ in range(times):
            y = f(a)
        return y

    return types.FunctionType(
        called.__code__.replace(), {}, "called", called.__defaults__, called.__closure__
    )


def network_loss(np, parameters, images, targets):
    """The mean cross entropy of a tanh layer and a softmax layer; targets are one-hot."""
    h = np.tanh(images @ parameters["w1"] + parameters["b1"])
    z = h @ parameters["w2"] + parameters["b2"]
    z = z - np.max(z, axis=1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.sum(targets * log_p) / len(targets)


def energy(np, x, w1, w2):
    """A number at a point x."""
    return np.sum(np.tanh(layers(np, x, w1, w2)) ** 2)


def layers(np, x, w1, w2):
    """Two tanh layers, as many numbers out as in."""
    return np.tanh(w2 @ np.tanh(w1 @ x))


def rosenbrock(np, x):
    """Rosenbrock's function of n variables."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rk4(np, parameters, y, steps=200, h=0.1):
    """The end of a Lotka-Volterra system of four species, by Runge and Kutta's method, squared and summed."""
    rates, effects = parameters["rates"], parameters["effects"]

    def slope(y):
        return y * (rates + effects @ y)

    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y * y)


def lotka_volterra():
    """Return parameters and a start for rk4: four species in chaotic competition (Vano et al., 2006)."""
    rates = onp.array([1.0, 0.72, 1.53, 1.27])
    among = onp.array(
        [[1.0, 1.09, 1.52, 0.0], [0.0, 1.0, 0.44, 1.36], [2.33, 0.0, 1.0, 0.47], [1.21, 0.51, 0.35, 1.0]]
    )
    return {"rates": rates, "effects": -rates[:, None] * among}, onp.array([0.2, 0.3, 0.3, 0.2])


def fill(np, x, n):
    """A matrix filled element by element, then summed with weights that differ."""
    table = np.zeros((n, n))
    for i in range(n):
        for k in range(n):
            table[i, k] = x[k] * x[i]
    return np.sum(table * table)


def heat(np, u, steps):
    """The heat equation by explicit steps, each written into the inside of the array."""
    u = np.array(u)
    for _ in range(steps):
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u * u)


def heat_map(np, u, steps):
    """The end of the same, of which there is a Jacobian."""
    u = np.array(u)
    for _ in range(steps):
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def recurrence(np, x):
    """A recurrence, each step written into an array that the next one reads."""
    y = np.zeros(len(x))
    for n in range(1, len(x)):
        y[n] = 0.5 * y[n - 1] * x[n] + x[n]
    return np.sum(y * y)


def heat_by_parts(np, u, steps):
    """The same without assignment, for the libraries that have none."""
    for _ in range(steps):
        inside = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = np.concatenate([u[:1], inside, u[-1:]])
    return np.sum(u * u)


def scatter_add(np, x):
    """Values added into one place of an array."""
    table = np.zeros(3)
    np.add.at(table, onp.ones(len(x), int), x)
    return np.sum(table * table)


def segment_products(np, x):
    """The products of parts of ten elements."""
    return np.sum(np.multiply.reduceat(x, onp.arange(0, len(x), 10)))


def continued_fraction(np, x):
    """A fold in order, of which each step counts."""
    return np.sum(np.divide.accumulate(1 + x / len(x)))


def flat_sum(np, x):
    """Elements of a matrix one after the other."""
    x = np.reshape(x, (10, -1))
    return sum(x.flat[i] * x.flat[i] for i in range(x.size))


def sum_through_views(np, x):
    """Elements of a view that is made anew for each."""
    return sum(x[1:][i] * x[i] for i in range(len(x) - 1))


def network_by_hand(parameters, images, targets):
    """The same loss with its gradient in plain NumPy, as one writes it who knows the formulas."""
    h = onp.tanh(images @ parameters["w1"] + parameters["b1"])
    z = h @ parameters["w2"] + parameters["b2"]
    z -= z.max(axis=1, keepdims=True)
    p = onp.exp(z)
    total = p.sum(axis=1, keepdims=True)
    loss = -(targets * (z - onp.log(total))).sum() / len(targets)
    p /= total
    z_bar = (p - targets) / len(targets)
    h_bar = z_bar @ parameters["w2"].T
    h_bar *= 1 - h * h
    gradient = {
        "w1": images.T @ h_bar,
        "b1": h_bar.sum(axis=0),
        "w2": h.T @ z_bar,
        "b2": z_bar.sum(axis=0),
    }
    return loss, gradient


def network_data(batch, sizes=(784, 100, 10), seed=0):
    """Return parameters, images and one-hot targets; the numbers do not matter to the time."""
    rng = onp.random.default_rng(seed)
    pixels, hidden, classes = sizes
    parameters = {
        "w1": rng.normal(0, 0.05, (pixels, hidden)),
        "b1": onp.zeros(hidden),
        "w2": rng.normal(0, 0.1, (hidden, classes)),
        "b2": onp.zeros(classes),
    }
    images = rng.uniform(0, 1, (batch, pixels))
    return parameters, images, onp.eye(classes)[rng.integers(0, classes, batch)]
