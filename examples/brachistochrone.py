"""The curve of quickest descent by optimal control: a sparse KKT system for SciPy's trust-constr."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy.optimize import NonlinearConstraint, brentq, minimize
from scipy.sparse import block_array, csr_array

import funad.numpy as np
from funad import grad, hessian, jacobian, sparsity

G, END, STEPS = 9.81, (1.0, 1.0), 60  # y points down


def constraints(z):
    """Return what has to be zero: x′ = v sin θ, y′ = v cos θ, v′ = g cos θ by the trapezoidal rule; the ends.

    z has x, y, the speed v and the angle θ at each moment, and the time that it takes.
    """
    states, duration = np.reshape(z[:-1], (-1, 4)), z[-1]
    _, _, v, angle = states.T
    slopes = np.stack([v * np.sin(angle), v * np.cos(angle), G * np.cos(angle)], axis=1)
    steps = duration / STEPS * (slopes[1:] + slopes[:-1]) / 2
    defects = states[1:, :3] - states[:-1, :3] - steps
    return np.concatenate([np.ravel(defects), states[0, :3], states[-1, :2] - onp.array(END)])


def weighted(weights):
    """Return the function whose Hessian the method asks for: the constraints times their multipliers."""
    return lambda z: np.sum(weights * constraints(z))


def descend(z):
    """Return what the solver finds from z, and the patterns of the Jacobian and the Hessian."""
    of_jacobian = sparsity(constraints, z)  # found and coloured once
    of_hessian = sparsity(grad(weighted(onp.ones(of_jacobian.shape[0]))), z)
    zeros = csr_array((z.size, z.size))
    held = NonlinearConstraint(
        constraints, 0.0, 0.0, jacobian(constraints, sparse=of_jacobian),
        lambda z, weights: hessian(weighted(weights), sparse=of_hessian)(z),
    )  # fmt: skip
    found = minimize(
        lambda z: z[-1], z, jac=lambda z: onp.eye(z.size)[-1], hess=lambda z: zeros, constraints=held,
        method="trust-constr", options={"gtol": 1e-8, "xtol": 1e-10, "maxiter": 500},
    )  # fmt: skip
    return found, of_jacobian, of_hessian


def draw(found, of_jacobian, of_hessian, path):
    """Draw the track and the pattern of the KKT matrix."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5))
    left.plot(found.x[:-1:4], -found.x[1:-1:4], "o-", markersize=3)
    left.set(
        title=f"The quickest way down: {found.x[-1]:.4f} s",
        xlabel="x (m)",
        ylabel="height (m)",
        aspect="equal",
    )
    kkt = block_array([[of_hessian.matrix, of_jacobian.matrix.T], [of_jacobian.matrix, None]])
    right.spy(kkt, markersize=1)
    products = (
        f"{of_hessian.colours(True)} products for the Hessian, {of_jacobian.colours()} for the Jacobian"
    )
    right.set_title(f"The KKT matrix, {kkt.nnz} entries of {kkt.shape[0]}²:\n{products}")
    right.set(xlabel="column", ylabel="row")
    return save(figure, path)


def main(arguments=None):
    """Find the track, and compare its time with that of the cycloid; return the error."""
    options = common(__doc__, "brachistochrone").parse_args(arguments)
    way = onp.linspace(0.0, 1.0, STEPS + 1)
    guess = onp.stack([way, way, onp.sqrt(2 * G * way), onp.full_like(way, onp.pi / 4)], axis=1)
    found, of_jacobian, of_hessian = descend(onp.append(guess.ravel(), 0.7))
    turn = brentq(lambda a: (a - onp.sin(a)) * END[1] - (1 - onp.cos(a)) * END[0], 1.0, 6.0)
    exact = turn * onp.sqrt(END[1] / (1 - onp.cos(turn)) / G)
    return report(draw(found, of_jacobian, of_hessian, options.out), {
        "relative error of the time": (abs(found.x[-1] / exact - 1), "<=", 1e-3),
        "largest defect": (found.constr_violation, "<=", 1e-8),
        "products for a Hessian": (of_hessian.colours(symmetric=True), "<=", 6),
    })  # fmt: skip


if __name__ == "__main__":
    start(main)
