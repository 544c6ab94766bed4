// Kernels of Bonsai trees. Read as a part of edgealgos_runtime.h.
#ifndef EDGEALGOS_BONSAI_H
#define EDGEALGOS_BONSAI_H

// ---- Bonsai ---------------------------------------------------------------------------------------------------

// Rows of a node that are made before outputs are made of them.
template <class A, class B> struct AtOnce {
  enum { kA = A::kAtOnce, kB = B::kAtOnce };
  enum { kMost = static_cast<int>(kA) > static_cast<int>(kB) ? static_cast<int>(kA) : static_cast<int>(kB) };
  enum { kBoth = static_cast<int>(kMost) > 8 ? static_cast<int>(kMost) : 8 };
};

// scores += w * t, out of line because it needs all registers.
template <int ShiftW, int ShiftV, class Acc>
EDGEALGOS_NOINLINE void add_outputs(const Acc *sums_w, const Acc *sums_v, int32_t *scores, uint8_t count) {
  do {
    const int8_t t = static_cast<int8_t>(rescale<ShiftV, 8>(*sums_v++));
    *scores++ += multiply(rescale<ShiftW, 16>(*sums_w++), t);
  } while (--count);
}

// scores = bias + sum over one path of w * t, w = int16(W_k z), t = Q0.7(V_k z); left child where branches_k z > 0.
template <class Acc, int ShiftW, int ShiftV, int Depth, class RowsW, class RowsV, class W, class V>
EDGEALGOS_OP void tree_walk(RowsW weights, RowsV gates, const W *branches, const int32_t *bias, const V *z,
                            int32_t *scores, uint8_t outputs, uint8_t width) {
  for (uint8_t c = 0; c < outputs; ++c) scores[c] = bias ? flash(bias + c) : 0;
  uint8_t node = 0;
  for (uint8_t level = 0;; ++level) {
    RowsW row_w = weights.at(node, outputs, width);
    RowsV row_v = gates.at(node, outputs, width);
    Acc sums_w[AtOnce<RowsW, RowsV>::kBoth], sums_v[AtOnce<RowsW, RowsV>::kBoth];
    for (uint8_t c = 0; c < outputs;) {
      const uint8_t left = static_cast<uint8_t>(outputs - c);
      const uint8_t count =
          left < AtOnce<RowsW, RowsV>::kBoth ? left : static_cast<uint8_t>(AtOnce<RowsW, RowsV>::kBoth);
      next_of_all(row_w, z, width, sums_w, count);
      next_of_all(row_v, z, width, sums_v, count);
      add_outputs<ShiftW, ShiftV>(sums_w, sums_v, scores + c, count);
      c = static_cast<uint8_t>(c + count);
    }
    if (level == Depth) break;
    const bool left = Dot<Acc, W, V>::dense(branches + static_cast<uint16_t>(node) * width, z, width) > 0;
    node = static_cast<uint8_t>(2 * node + (left ? 1 : 2));
  }
  barrier();
}

#endif
