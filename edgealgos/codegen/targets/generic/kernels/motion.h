// Statistics of a sliding window over a motion sensor: integers, no division, no floating point.
#ifndef EDGEALGOS_MOTION_H
#define EDGEALGOS_MOTION_H

namespace edgealgos {

// Adds a sample to the sums; with the Count-th of them: frame = saturate((sums + centre) >> shift), and true.
template <int Count>
EDGEALGOS_OP bool decimate(const int16_t *x, int32_t *sums, int16_t *phase, const int32_t *centre, const int8_t *shift,
              int8_t *frame, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a) sums[a] += x[a];
  if (++*phase < Count) return false;
  *phase = 0;
  for (uint8_t a = 0; a < axes; ++a) {
    frame[a] = static_cast<int8_t>(saturate<8>((sums[a] + flash(centre + a)) >> flash(shift + a)));
    sums[a] = 0;
  }
  barrier();
  return true;
}

// The newest frame takes the place of the oldest; sums, squares and counts of 2^BinBits bins an axis follow (null:
// none).
template <int Frames, int BinBits, class Counts>
EDGEALGOS_OP void slide_window(const int8_t *frame, int8_t *window, int16_t *position, int16_t *sums, int32_t *squares,
                  Counts *counts, uint8_t axes) {
  int8_t *slot = window + *position * axes;
  for (uint8_t a = 0; a < axes; ++a) {
    const int8_t gone = slot[a], come = frame[a];
    slot[a] = come;
    if (sums) sums[a] = static_cast<int16_t>(sums[a] + come - gone);
    if (squares)
      squares[a] += static_cast<int16_t>(come * come) - static_cast<int32_t>(static_cast<int16_t>(gone * gone));
    if (counts) {
      --counts[static_cast<uint8_t>(gone + 128) >> (8 - BinBits)];
      ++counts[static_cast<uint8_t>(come + 128) >> (8 - BinBits)];
      counts += 1 << BinBits;
    }
  }
  *position = *position + 1 == Frames ? 0 : static_cast<int16_t>(*position + 1);
  barrier();
}

// Frames in each bin; what has not been filled yet counts as zeros.
template <int Frames, int BinBits, class Counts>
EDGEALGOS_OP void window_histogram(const Counts *counts, int16_t *out, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a)
    for (uint8_t b = 0; b < 1 << BinBits; ++b)
      *out++ = static_cast<int16_t>(*counts++ + (b == 1 << (BinBits - 1) ? Frames : 0));
}

// Sums of Segments equal parts of the window, the oldest first; what is left over are the oldest frames.
template <int Frames, int Segments>
EDGEALGOS_OP void window_mean(const int8_t *window, int16_t position, int16_t *out, uint8_t axes) {
  uint8_t at = static_cast<uint8_t>(position);
  for (uint8_t skip = Frames % Segments; skip; --skip) at = at + 1 == Frames ? 0 : static_cast<uint8_t>(at + 1);
  for (uint8_t s = 0; s < Segments; ++s, out += axes) {
    for (uint8_t a = 0; a < axes; ++a) out[a] = 0;
    for (uint8_t t = 0; t < Frames / Segments; ++t) {
      const int8_t *frame = window + static_cast<uint16_t>(at) * axes;
      for (uint8_t a = 0; a < axes; ++a) out[a] = static_cast<int16_t>(out[a] + frame[a]);
      at = at + 1 == Frames ? 0 : static_cast<uint8_t>(at + 1);
    }
  }
}

// Largest integer whose square is not above.
EDGEALGOS_NOINLINE inline int16_t square_root(uint32_t square) {
  uint16_t root = 0;
  for (uint16_t bit = 0x4000; bit; bit = static_cast<uint16_t>(bit >> 1)) {
    const uint16_t larger = root | bit;
    if (static_cast<uint32_t>(larger) * larger <= square) root = larger;
  }
  return static_cast<int16_t>(root);
}

// Standard deviation times Frames.
template <int Frames>
EDGEALGOS_OP void window_spread(const int16_t *sums, const int32_t *squares, int16_t *out, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a)
    out[a] = square_root(static_cast<uint32_t>(Frames * squares[a] - static_cast<int32_t>(sums[a]) * sums[a]));
}

template <int Shift> EDGEALGOS_OP void window_energy(const int32_t *squares, int16_t *out, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a) out[a] = static_cast<int16_t>(shift_right<Shift>(squares[a]));
}

// How often the signal goes from one side of -Threshold..Threshold to the other.
template <int Frames, int Threshold>
EDGEALGOS_OP void window_crossings(const int8_t *window, int16_t position, int16_t *out, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a) {
    const int8_t *value = window + position * axes + a, *const end = window + Frames * axes;
    int8_t side = 0;
    uint8_t crossings = 0;
    for (uint8_t t = 0; t < Frames; ++t) {
      const int8_t now = *value >= Threshold ? 1 : *value <= -Threshold ? -1 : side;
      if (now != side && side) ++crossings;
      side = now;
      value += axes;
      if (value >= end) value -= Frames * axes;
    }
    out[a] = crossings;
  }
}

struct LongestRun {
  uint8_t length, longest, start;
  LongestRun() : length(0), longest(0), start(0) {}
  void take(bool inside, uint8_t t) {
    if (!inside) {
      length = 0;
    } else if (++length > longest) {
      longest = length;
      start = static_cast<uint8_t>(t + 1 - length);
    }
  }
};

// Length and first frame of the longest run above Threshold, then of that below -Threshold; each for all axes.
template <int Frames, int Threshold>
EDGEALGOS_OP void window_runs(const int8_t *window, int16_t position, int16_t *out, uint8_t axes) {
  for (uint8_t a = 0; a < axes; ++a, ++out) {
    const int8_t *value = window + position * axes + a, *const end = window + Frames * axes;
    LongestRun above, below;
    for (uint8_t t = 0; t < Frames; ++t) {
      above.take(*value >= Threshold, t);
      below.take(*value <= -Threshold, t);
      value += axes;
      if (value >= end) value -= Frames * axes;
    }
    out[0] = above.longest;
    out[axes] = above.start;
    out[2 * axes] = below.longest;
    out[3 * axes] = below.start;
  }
}

}  // namespace edgealgos

#endif  // EDGEALGOS_MOTION_H
