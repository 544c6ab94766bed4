"""The device's recurrent cells in plain integers, written from docs/decisions/001 alone; training must match."""

import numpy as np


def shift(raw, bits):
    """Right shift, halves up."""
    return (raw + (1 << (bits - 1))) >> bits if bits > 0 else raw << -bits


def saturate(raw, bits):
    return np.clip(raw, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def raw(result, name):
    return np.rint(result.weights[name] * 2.0 ** result.qtypes[name].frac).astype(np.int64)


def tanh_table(a):
    table = np.clip(np.floor(np.tanh((np.arange(128) + 0.5) / 32) * 128 + 0.5), -128, 127).astype(np.int64)
    return np.sign(a) * table[np.minimum(np.abs(a) >> 7, 127)]


def gate(a, nonlinearity):
    if nonlinearity == "tanh":
        return np.clip(128 + tanh_table(a >> 1), 0, 255)
    return np.clip((a + 4096 + 16) >> 5, 0, 255)


def candidate(a, nonlinearity):
    return tanh_table(a) if nonlinearity == "tanh" else saturate((a + 16) >> 5, 8)


def product(result, name, vector, vector_frac, inner_name):
    """16 bits, 12 of them fractional."""
    if name in result.weights:
        return saturate(shift(vector @ raw(result, name).T, result.qtypes[name].frac + vector_frac - 12), 16)
    outer, inner = f"{name}1", f"{name}2"
    middle_frac = result.qtypes[inner_name].frac
    acc = vector @ raw(result, inner).T
    middle = saturate(shift(acc, result.qtypes[inner].frac + vector_frac - middle_frac), 8)
    return saturate(shift(middle @ raw(result, outer).T, result.qtypes[outer].frac + middle_frac - 12), 16)


def bias(result, name):
    return raw(result, name) << (12 - result.qtypes[name].frac)


def gru(wx, uh, h, b, nonlinearity):
    """The next state; rows of the products are those of update, of reset and of candidate."""
    units = h.shape[1]
    z, r, fresh = slice(0, units), slice(units, 2 * units), slice(2 * units, None)
    update = gate(saturate(saturate(wx[:, z] + uh[:, z], 16) + b[z], 16), nonlinearity)
    reset = gate(saturate(saturate(wx[:, r] + uh[:, r], 16) + b[r], 16), nonlinearity)
    kept = (reset * uh[:, fresh] + 128) >> 8
    c = candidate(saturate(saturate(wx[:, fresh] + kept, 16) + b[fresh], 16), nonlinearity)
    return (256 - update) * c + ((update * h + 128) >> 8)


def device_scores(result, x, x_frac, nonlinearity, cell):
    """Raw scores of device inputs (n, steps, features) as the device computes them."""
    hidden = result.weights["FC"].shape[1]
    h = np.zeros((len(x), hidden), np.int64)
    for t in range(x.shape[1]):
        h8 = saturate(shift(h, 8), 8)
        wx = product(result, "W", x[:, t].astype(np.int64), x_frac, "wx_inner")
        uh = product(result, "U", h8, 7, "uh_inner")
        if cell == "GRU":
            h = gru(wx, uh, h, bias(result, "bias"), nonlinearity)
            continue
        p = saturate(wx + uh, 16)
        c = candidate(saturate(p + bias(result, "candidate_bias"), 16), nonlinearity)
        if cell == "FastGRNN":
            s = gate(saturate(p + bias(result, "gate_bias"), 16), nonlinearity)
            g = np.minimum(255, (raw(result, "zeta") * (256 - s) + raw(result, "nu") * 256 + 128) >> 8)
            h = saturate(g * c + ((s * h + 128) >> 8), 16)
        else:
            alpha, beta = raw(result, "alpha"), raw(result, "beta")
            h = saturate(((alpha * c + 64) >> 7) + ((beta * h + 16384) >> 15), 16)
    return saturate(shift(h, 8), 8) @ raw(result, "FC").T + raw(result, "FC_bias")
