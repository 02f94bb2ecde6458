"""Fit a logistic regression and a small network to data on disk that no process could hold.

``--gigabytes 4`` makes 4 GB for two workers of 1 GB each. ``--address tcp://host:8786`` sends the same work
to a cluster that is there; ``--data`` is then a folder that all of its machines see.
"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from time import perf_counter

import dask.array as da
import numpy as onp
from dask.distributed import Client, LocalCluster, progress
from options import common, positive, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize

import funad.numpy as np
from funad import optimizers, tree, value_and_grad

FEATURES = 32
MIB = 1 << 20


def write(folder, gigabytes, chunk):
    """Write X and t to the folder as stacks of .npy files, a task per chunk."""
    rows = max(int(gigabytes * 1024 * MIB) // (8 * FEATURES), 4)
    x = da.random.default_rng(0).normal(
        size=(rows, FEATURES), chunks=(max(int(chunk * MIB) // (8 * FEATURES), 1), -1)
    )
    noise = da.random.default_rng(1).logistic(size=rows, chunks=x.chunks[0])
    da.to_npy_stack(folder / "x", x)
    x = da.from_npy_stack(folder / "x", mmap_mode=None)
    truth = onp.sin(onp.arange(1.0, FEATURES + 1))
    da.to_npy_stack(folder / "t", (x @ truth + x[:, 0] * x[:, 1] + noise > 0).astype(float))


def read(folder):
    """Return the data as dask arrays: nothing is read before it is computed with, chunk by chunk."""
    return (da.from_npy_stack(folder / name, mmap_mode=None) for name in "xt")


def cross_entropy(z, t):
    return np.mean(np.logaddexp(0, z) - t * z)


def regression(w, x, t):
    return cross_entropy(x @ w, t) + np.sum(w**2) / 2e6


def network(params, x, t):
    hidden = np.tanh(x @ params["w"] + params["b"])
    return cross_entropy(hidden @ params["v"] + x @ params["u"], t)


def evaluate(client, loss, params, *data, show=False):
    """Return the loss and its gradient: one graph, one pass over the chunks, sums in double precision."""
    value, gradient = value_and_grad(loss)(params, *data)
    leaves, structure = tree.flatten(gradient)
    futures = client.compute([value, *leaves])
    if show:
        progress(futures, notebook=False)  # dask's own bar
    value, *leaves = client.gather(futures)
    return float(value), tree.unflatten(structure, leaves)


def fit_regression(client, x, t, steps, show):
    """Return the weights that L-BFGS finds, and the loss at every step."""
    losses = []

    def loss_and_slope(w):
        value, slope = evaluate(client, regression, w, x, t, show=show)
        losses.append(value)
        return value, slope

    return minimize(
        loss_and_slope, onp.zeros(FEATURES), jac=True, method="L-BFGS-B", options={"maxiter": steps}
    ), losses


def fit_network(client, x, t, hidden, epochs, seed):
    """Return the losses of Adam, a step per chunk: each is one small graph."""
    rng = onp.random.default_rng(seed)
    params = {
        "w": rng.normal(size=(FEATURES, hidden)) / 6,
        "b": rng.normal(size=hidden),
        "v": onp.zeros(hidden),
        "u": onp.zeros(FEATURES),
    }
    init, update = optimizers.adam(0.02)
    state, losses = init(params), []
    for _ in range(epochs):
        for n in range(x.numblocks[0]):
            value, slopes = evaluate(client, network, params, x.blocks[n], t.blocks[n])
            params, state = update(slopes, state, params)
            losses.append(value)
    return params, losses


def kill_one(client):
    """Kill a worker of a local cluster as the system does when memory runs out; dask starts another one."""
    pid = min(client.run(os.getpid).values())
    print(f"killing the worker with process number {pid}")
    os.kill(pid, signal.SIGKILL)


def main(arguments=None):
    made = common(__doc__.splitlines()[0], "out_of_core", epochs=1)
    add = made.add_argument
    add("--gigabytes", type=positive, default=1 / 64, metavar="G", help="of data to make")
    add(
        "--chunk",
        type=positive,
        default=2.0,
        metavar="M",
        help="megabytes per chunk; 64 for gigabytes of data",
    )
    add("--steps", type=whole, default=8, metavar="N", help="of L-BFGS")
    add("--memory", default="1GB", help="limit of each of the two workers")
    add("--address", help="of a scheduler that is there, tcp://host:8786, in the place of workers of its own")
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="where the data are or are written; by default a folder that is deleted",
    )
    add("--progress", action="store_true", help="show dask's progress bar for every step")
    options = made.parse_args(arguments)
    with ExitStack() as stack:
        folder = options.data or Path(stack.enter_context(TemporaryDirectory()))
        address = options.address or stack.enter_context(
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                memory_limit=options.memory,
                dashboard_address=":0",
                silence_logs="CRITICAL",  # the killed worker is no news
            )
        )
        client = stack.enter_context(Client(address))
        print(f"dashboard: {client.dashboard_link}")
        if not (folder / "t").exists():
            write(folder, options.gigabytes, options.chunk)
        x, t = read(folder)
        print(f"{x.nbytes / 1024 / MIB:.3g} GiB in {x.npartitions} chunks")
        first = evaluate(client, regression, onp.zeros(FEATURES), x, t, show=options.progress)
        if not options.address:
            Timer(0.2, kill_one, [client]).start()
        again = evaluate(client, regression, onp.zeros(FEATURES), x, t, show=options.progress)
        begun = perf_counter()
        found, of_regression = fit_regression(client, x, t, options.steps, options.progress)
        print(f"{(perf_counter() - begun) / len(of_regression):.3g} s for each pass over the data")
        _, of_network = fit_network(client, x, t, 8, options.epochs, options.seed)
    figure, (left, right) = subplots(1, 2, figsize=(10, 5))
    left.plot(of_regression)
    left.set(title="Logistic regression, L-BFGS", xlabel="pass over the data", ylabel="cross-entropy")
    right.plot(of_network)
    right.set(title="Network, Adam", xlabel="chunk", ylabel="cross-entropy")
    save(figure, options.out)
    tail = onp.mean(of_network[-max(len(of_network) // 4, 1) :])
    figures = {
        "largest difference after a killed worker": (
            max(abs(first[0] - again[0]), onp.abs(first[1] - again[1]).max()), "<=", 1e-12
        ),
        "cross-entropy of the regression": (found.fun, "<=", 0.45),
        "largest slope there": (onp.abs(found.jac).max(), "<=", 1e-3),
        "cross-entropy of the network, last chunks": (tail, "<=", 0.5),
    }  # fmt: skip
    return report(options.out, figures)


if __name__ == "__main__":
    start(main)
