// Convolution row by row: the last rows of a picture in a ring, and the layers that read it.
//
// A row is `Width` positions of `Channels` values. The ring's oldest row lies in the place that `position[1]` says;
// rows of zeros stand for what is above and below the picture.
#ifndef EDGEALGOS_CONV_H
#define EDGEALGOS_CONV_H

#include <stdint.h>

namespace edgealgos {

// Puts a row (null: zeros) where the oldest one lay; whether a row of results is due.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, class T>
EDGEALGOS_NOINLINE bool take_row(const T *row, T *ring, int16_t *position, uint16_t size) {
  T *place = ring + static_cast<uint16_t>(position[1]) * size;
  for (uint16_t i = 0; i < size; ++i) place[i] = row ? row[i] : 0;
  position[1] = position[1] + 1 < Kernel ? static_cast<int16_t>(position[1] + 1) : 0;
  const int16_t after = static_cast<int16_t>(++position[0] + Top - Kernel);
  barrier();
  return after >= 0 && static_cast<uint16_t>(after) % Stride == 0;
}

// The next result that rows of zeros below the picture make due, if any.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool keep_below(T *ring, int16_t *position, uint16_t size) {
  if (Bottom == 0) return false;
  while (static_cast<uint16_t>(position[0]) >= Height && static_cast<uint16_t>(position[0]) < Height + Bottom)
    if (take_row<Kernel, Stride, Top, T>(nullptr, ring, position, size)) return true;
  return false;
}

// Takes a row of the picture; whether a row of results is due. Rows after the last one are ignored.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool keep_row(const T *row, T *ring, int16_t *position, uint16_t size) {
  if (static_cast<uint16_t>(position[0]) >= Height) return false;
  return take_row<Kernel, Stride, Top>(row, ring, position, size) ||
         keep_below<Kernel, Stride, Top, Bottom, Height>(ring, position, size);
}

// The rows of a ring, the oldest first.
template <uint8_t Rows, class T> struct RingRows {
  const T *row[Rows];
  RingRows(const T *ring, const int16_t *position, uint16_t size) {
    uint8_t place = static_cast<uint8_t>(position[1]);
    for (uint8_t i = 0; i < Rows; ++i) {
      row[i] = ring + static_cast<uint16_t>(place) * size;
      place = static_cast<uint8_t>(place + 1) < Rows ? static_cast<uint8_t>(place + 1) : 0;
    }
  }
};

// Puts a row where the next one goes.
template <uint8_t Rows, class T> void hold_row(const T *row, T *ring, int16_t *places, uint16_t size) {
  T *place = ring + static_cast<uint16_t>(places[0]) * size;
  for (uint16_t i = 0; i < size; ++i) place[i] = row[i];
  places[0] = places[0] + 1 < Rows ? static_cast<int16_t>(places[0] + 1) : 0;
  barrier();
}

// Takes out the row that was put in first, and adds it.
template <int Shift, int ShiftOfHeld, int Bits, uint8_t Rows, class T, class H, class Out>
void add_row(const T *source, const H *ring, int16_t *places, Out *out, uint16_t size) {
  const H *held = ring + static_cast<uint16_t>(places[1]) * size;
  for (uint16_t i = 0; i < size; ++i)
    out[i] = static_cast<Out>(sum_of<Bits>(RescaleWord<Shift, Bits>::apply(static_cast<int16_t>(source[i])),
                                           RescaleWord<ShiftOfHeld, Bits>::apply(static_cast<int16_t>(held[i]))));
  places[1] = places[1] + 1 < Rows ? static_cast<int16_t>(places[1] + 1) : 0;
  barrier();
}

// A sum with its bias as a result of `Bits` bits.
template <class Acc, int Count, int Bits, bool Rectify, class Out, class B> inline Out result(Acc sum, const B *bias) {
  const Out out = static_cast<Out>(rescale<Count, Bits>(with_bias(sum, bias, 0)));
  return Rectify && out < 0 ? static_cast<Out>(0) : out;
}

// Columns [first, last) of a kernel that lie on a row, where the kernel begins at `start`.
template <uint8_t Columns, uint8_t Width> struct Inside {
  uint8_t first, last;
  explicit Inside(int16_t start)
      : first(start < 0 ? static_cast<uint8_t>(-start) : 0),
        last(start + Columns > Width ? static_cast<uint8_t>(Width - start) : Columns) {}
};

// Sums of one channel at all positions: rows are its first values, weights the channel's own.
template <class Acc, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left, uint8_t Width, uint8_t Channels,
          class T, class W, bool Assembly>
struct ChannelSums {
  static void apply(const T *const *rows, const W *weights, Acc *sums, uint8_t positions) {
    typedef typename Wrapping<Acc>::type Sum;
    int16_t start = -static_cast<int16_t>(Left);
    for (uint8_t p = 0; p < positions; ++p, start = static_cast<int16_t>(start + Stride)) {
      const Inside<Columns, Width> inside(start);
      const int16_t from = static_cast<int16_t>((start + inside.first) * static_cast<int16_t>(Channels));
      Sum sum = 0;
      for (uint8_t i = 0; i < Rows; ++i) {
        const W *weight = weights + i * Columns + inside.first;
        const T *value = rows[i] + from;
        for (uint8_t j = inside.first; j < inside.last; ++j, value += Channels)
          sum = static_cast<Sum>(sum + static_cast<Sum>(static_cast<int32_t>(flash(weight++)) * *value));
      }
      sums[p] = static_cast<Acc>(sum);
    }
  }
};

#if defined(__AVR_HAVE_MUL__)

// clang-format off
#define EDGEALGOS_TAP(load, weight) load "muls r25, " weight "\n\t" "add r10, r0\n\t" "adc r11, r1\n\t"
#define EDGEALGOS_TAPS(row, next, first, second, third)                                              \
  "movw r30, " row "\n\t" first EDGEALGOS_TAP("ldd r25, Z+%[one]\n\t", second)                     \
  EDGEALGOS_TAP("ldd r25, Z+%[two]\n\t", third) "add " row ", r12\n\t" "adc " next ", r13\n\t"
// clang-format on

// Sums of a kernel of 3 x 3 at `count` positions `Step` bytes apart, its columns `Apart` bytes: the weights, in RAM,
// stay in registers. 7.9 cycles a product and 60 a call.
template <uint8_t Apart, uint8_t Step>
EDGEALGOS_KERNEL void sums_of_3x3(const int8_t *const *rows, const int8_t *weights, int16_t *sums, uint8_t count) {
  __asm__ __volatile__("ld r16, X+\n\t" "ld r17, X+\n\t" "ld r18, X+\n\t" "ld r19, X+\n\t" "ld r20, X+\n\t"
                       "ld r21, X+\n\t" "ld r22, X+\n\t" "ld r23, X+\n\t" "ld r24, X+\n\t"
                       "ld r2, Z+\n\t" "ld r3, Z+\n\t" "ld r4, Z+\n\t" "ld r5, Z+\n\t" "ld r6, Z+\n\t"
                       "ld r7, Z+\n\t"
                       "ldi r25, %[step]\n\t" "mov r12, r25\n\t" "clr r13\n\t" "movw r26, %[sums]\n\t"
                       "1:\n\t"
                       EDGEALGOS_TAPS("r2", "r3", "ld r25, Z\n\t" "muls r25, r16\n\t" "movw r10, r0\n\t", "r17", "r18")
                       EDGEALGOS_TAPS("r4", "r5", EDGEALGOS_TAP("ld r25, Z\n\t", "r19"), "r20", "r21")
                       EDGEALGOS_TAPS("r6", "r7", EDGEALGOS_TAP("ld r25, Z\n\t", "r22"), "r23", "r24")
                       "st X+, r10\n\t" "st X+, r11\n\t" "dec %[count]\n\t" "brne 1b\n\t" "clr r1\n\t"
                       : [count] "+r"(count), "+x"(weights), "+z"(rows)
                       : [sums] "r"(sums), [one] "I"(Apart), [two] "I"(2 * Apart), [step] "M"(Step)
                       : "r0", "r2", "r3", "r4", "r5", "r6", "r7", "r10", "r11", "r12", "r13", "r16", "r17", "r18",
                         "r19", "r20", "r21", "r22", "r23", "r24", "r25", "memory");
}

template <uint8_t Stride, uint8_t Left, uint8_t Width, uint8_t Channels>
struct ChannelSums<int16_t, 3, 3, Stride, Left, Width, Channels, int8_t, int8_t, true> {
  static void apply(const int8_t *const *rows, const int8_t *weights, int16_t *sums, uint8_t positions) {
    const uint8_t first = (Left + Stride - 1) / Stride, behind = (Width - 3 + Left) / Stride + 1;
    int8_t all[9];
    for (uint8_t k = 0; k < 9; ++k) all[k] = flash(weights + k);
    for (uint8_t p = 0; p < first && p < positions; ++p) at_border(rows, all, sums, p);
    const uint8_t last = behind < positions ? behind : positions;
    if (first < last) run(rows, first * Stride - Left, all, sums + first, static_cast<uint8_t>(last - first));
    for (uint8_t p = last > first ? last : first; p < positions; ++p) at_border(rows, all, sums, p);
  }
  // A position whose kernel reaches beyond the row: it moves inside, its weights move back and leave zeros behind.
  EDGEALGOS_NOINLINE static void at_border(const int8_t *const *rows, const int8_t *all, int16_t *sums, uint8_t p) {
    const int8_t start = static_cast<int8_t>(p * Stride - Left);
    const int8_t by = static_cast<int8_t>(start < 0 ? -start : Width - 3 - start);
    int8_t moved[9] = {};
    const int8_t *from = all + (by > 0 ? by : 0);
    int8_t *to = moved + (by < 0 ? -by : 0);
    for (uint8_t i = 0; i < 3; ++i, from += 3, to += 3) {
      to[0] = from[0];
      if (by == 1 || by == -1) to[1] = from[1];
    }
    run(rows, static_cast<uint8_t>(start + by), moved, sums + p, 1);
  }
  static void run(const int8_t *const *rows, uint8_t column, const int8_t *weights, int16_t *sums, uint8_t count) {
    const uint16_t from = static_cast<uint16_t>(column) * Channels;
    const int8_t *const at[3] = {rows[0] + from, rows[1] + from, rows[2] + from};
    sums_of_3x3<Channels, Stride * Channels>(at, weights, sums, count);
  }
};

#endif

// Whether assembly knows a kernel: 3 x 3 of bytes whose columns its addresses reach, and rows as wide.
template <class Acc, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Width, uint8_t Channels>
struct InAssembly {
#if defined(__AVR_HAVE_MUL__)
  enum { kYes = sizeof(Acc) == 2 && Rows == 3 && Columns == 3 && Channels <= 31 && Width >= 3 && Width <= 120 &&
                Stride * Channels <= 255 };
#else
  enum { kYes = false };
#endif
};

// Every channel alone: out[p, c] = sum of weights[c] times what the kernel sees of channel c at p.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, uint8_t Positions, class T, class W, class B, class Out>
void depthwise(const T *ring, const int16_t *position, const W *weights, const B *bias, Out *out) {
  const bool bytes = sizeof(T) == 1 && sizeof(W) == 1;
  typedef InAssembly<Acc, Rows, Columns, Stride, Width, Channels> Known;
  typedef ChannelSums<Acc, Rows, Columns, Stride, Left, Width, Channels, T, W, bytes && Known::kYes> Channel;
  RingRows<Rows, T> rows(ring, position, static_cast<uint16_t>(Width) * Channels);
  Acc sums[Positions];
  for (uint8_t c = 0; c < Channels; ++c, ++out, weights += Rows * Columns) {
    Channel::apply(rows.row, weights, sums, Positions);
    for (uint8_t i = 0; i < Rows; ++i) ++rows.row[i];
    Out *place = out;
    for (uint8_t p = 0; p < Positions; ++p, place += Channels)
      *place = result<Acc, Count, Bits, Rectify, Out>(sums[p], bias + c);
  }
  barrier();
}

// Results of all rows of a matrix for one vector.
template <class Acc, int Count, int Bits, bool Rectify, class Rows, class B, class V, class Out, class N>
EDGEALGOS_NOINLINE void results(Rows matrix, const B *bias, const V *vector, Out *out, uint8_t rows, N columns) {
  Acc sums[Rows::kAtOnce];
  for (uint8_t i = 0; i < rows;) {
    const uint8_t count = matrix.next(vector, columns, sums, static_cast<uint8_t>(rows - i));
    for (uint8_t k = 0; k < count; ++k, ++i) out[i] = result<Acc, Count, Bits, Rectify, Out>(sums[k], bias + i);
  }
}

// out[p] = matrix * source[p] + bias, position by position.
template <class Acc, int Count, int Bits, bool Rectify, uint16_t Columns, class Rows, class B, class V, class Out,
          class N>
void pointwise(Rows matrix, const B *bias, const V *source, Out *out, uint8_t positions, uint8_t rows, N columns) {
  for (uint8_t p = 0; p < positions; ++p, source += columns, out += rows)
    results<Acc, Count, Bits, Rectify>(matrix, bias, source, out, rows, columns);
  barrier();
}

template <bool> struct Only {};
template <> struct Only<true> { typedef void Type; };

#if defined(__AVR_HAVE_MUL__)

// clang-format off
#define EDGEALGOS_ADD16_OF(low, high) "ld r17, Z+\n\t" "muls r16, r17\n\t" \
                                      "add " low ", r0\n\t" "adc " high ", r1\n\t"
#define EDGEALGOS_FOUR16_OF_RAM "ld r16, X+\n\t" EDGEALGOS_ADD16_OF("r8", "r9") EDGEALGOS_ADD16_OF("r10", "r11") \
                                EDGEALGOS_ADD16_OF("r12", "r13") EDGEALGOS_ADD16_OF("r14", "r15")
// clang-format on

// Four rows at once, side by side in RAM, times an even number of columns. 6.9 cycles a product and 50 a call.
EDGEALGOS_KERNEL void dot_block_of_ram16(const int8_t *weights, const int8_t *vector, uint8_t pairs, int16_t *sums) {
  __asm__ __volatile__("clr r8\n\t" "clr r9\n\t" "movw r10, r8\n\t" "movw r12, r8\n\t" "movw r14, r8\n\t"
                       "1:\n\t" EDGEALGOS_TWICE(EDGEALGOS_FOUR16_OF_RAM) "dec %[pairs]\n\t" "brne 1b\n\t"
                       "movw r26, %[sums]\n\t"
                       "st X+, r8\n\t" "st X+, r9\n\t" "st X+, r10\n\t" "st X+, r11\n\t"
                       "st X+, r12\n\t" "st X+, r13\n\t" "st X+, r14\n\t" "st X+, r15\n\t" "clr r1\n\t"
                       : [pairs] "+r"(pairs), "+x"(vector), "+z"(weights)
                       : [sums] "r"(sums)
                       : "r0", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "memory");
}

// Four rows of nibbles as bytes side by side; rows beyond the last are zeros.
EDGEALGOS_KERNEL void unpack_nibbles(const uint8_t *values, int8_t *block, uint8_t pairs, uint8_t rows) {
  for (uint8_t k = 0; k < 4; ++k) {
    int8_t *place = block + k;
    for (uint8_t j = pairs; j; --j, place += 8) {
      const uint8_t pair = k < rows ? flash(values++) : 0;
      place[0] = static_cast<int8_t>(static_cast<uint8_t>((pair & 15) ^ 8) - 8);
      place[4] = static_cast<int8_t>(static_cast<uint8_t>((pair >> 4) ^ 8) - 8);
    }
  }
}

// Rows of nibbles are unpacked once for all positions, four at a time.
template <class Acc, int Count, int Bits, bool Rectify, uint16_t Columns, class B, class Out, class N>
typename Only<sizeof(Acc) == 2 && Columns <= 64 && Columns % 2 == 0>::Type
pointwise(NibbleRows matrix, const B *bias, const int8_t *source, Out *out, uint8_t positions, uint8_t rows, N) {
  const uint8_t *values = matrix.values;
  int8_t block[4 * Columns];
  int16_t sums[4];
  for (uint8_t i = 0; i < rows; i = static_cast<uint8_t>(i + 4), values += 2 * Columns) {
    const uint8_t count = rows - i < 4 ? static_cast<uint8_t>(rows - i) : 4;
    unpack_nibbles(values, block, Columns / 2, count);
    const int8_t *vector = source;
    Out *place = out + i;
    for (uint8_t p = 0; p < positions; ++p, vector += Columns, place += rows) {
      dot_block_of_ram16(block, vector, Columns / 2, sums);
      for (uint8_t k = 0; k < count; ++k) place[k] = result<Acc, Count, Bits, Rectify, Out>(sums[k], bias + i + k);
    }
  }
  barrier();
}

#endif

// out[p] = matrix * what the kernel sees at p + bias.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, class M, class B, class T, class Out, class N>
void convolve(M matrix, const B *bias, const T *ring, const int16_t *position, Out *out, uint8_t positions,
              uint8_t outputs, N size) {
  const RingRows<Rows, T> rows(ring, position, static_cast<uint16_t>(Width) * Channels);
  T seen[static_cast<uint16_t>(Rows) * Columns * Channels];
  int16_t start = -static_cast<int16_t>(Left);
  for (uint8_t p = 0; p < positions; ++p, start = static_cast<int16_t>(start + Stride), out += outputs) {
    const Inside<Columns, Width> inside(start);
    const uint8_t values = static_cast<uint8_t>(inside.last - inside.first) * Channels;
    const uint16_t from = static_cast<uint16_t>(start + inside.first) * Channels;
    T *place = seen;
    for (uint8_t i = 0; i < Rows; ++i) {
      for (uint8_t k = inside.first * Channels; k; --k) *place++ = 0;
      const T *value = rows.row[i] + from;
      for (uint8_t k = values; k; --k) *place++ = *value++;
      for (uint8_t k = static_cast<uint8_t>(Columns - inside.last) * Channels; k; --k) *place++ = 0;
    }
    results<Acc, Count, Bits, Rectify>(matrix, bias, seen, out, outputs, size);
  }
  barrier();
}

// The largest value of each channel in all rows and `Columns` positions.
template <uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Width, uint8_t Channels, class T>
void max_pool(const T *ring, T *out, uint8_t positions) {
  for (uint8_t p = 0; p < positions; ++p, ring += static_cast<uint16_t>(Stride) * Channels)
    for (uint8_t c = 0; c < Channels; ++c) {
      T top = ring[c];
      for (uint8_t i = 0; i < Rows; ++i)
        for (uint8_t j = 0; j < Columns; ++j) {
          const T value = ring[(static_cast<uint16_t>(i) * Width + j) * Channels + c];
          if (value > top) top = value;
        }
      *out++ = top;
    }
  barrier();
}

// sums[c] += values of channel c at all positions; of a whole picture they fit.
template <class T, class S> void sum_row(const T *source, S *sums, uint8_t positions, uint8_t channels) {
  for (uint8_t p = 0; p < positions; ++p)
    for (uint8_t c = 0; c < channels; ++c) sums[c] = static_cast<S>(sums[c] + *source++);
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_CONV_H
