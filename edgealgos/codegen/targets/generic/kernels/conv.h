// Convolution row by row: the last rows of a picture in a ring, and the layers that read it.
//
// A row is `Width` positions of `Channels` values. The ring's oldest row lies in the place that `position[0]` says,
// `position[1]` rows came so far; rows of zeros stand for what is above and below the picture.
#ifndef EDGEALGOS_CONV_H
#define EDGEALGOS_CONV_H

#include <stdint.h>

namespace edgealgos {

// to[i] = from[i]
template <class T> inline void copy(const T *from, T *to, uint16_t count) {
  while (count--) *to++ = *from++;
}
#if defined(__AVR_HAVE_MUL__)
// clang-format off
#define EDGEALGOS_COPY "ld r0, X+\n\t" "st Z+, r0\n\t"
#define EDGEALGOS_FOUR_COPIES EDGEALGOS_COPY EDGEALGOS_COPY EDGEALGOS_COPY EDGEALGOS_COPY
// clang-format on
// 4.3 cycles a byte.
EDGEALGOS_KERNEL void copy(const int8_t *from, int8_t *to, uint16_t count) {
  __asm__ __volatile__("sbrs %A[count], 0\n\t" "rjmp 1f\n\t" EDGEALGOS_COPY
                       "1: sbrs %A[count], 1\n\t" "rjmp 2f\n\t" EDGEALGOS_TWICE(EDGEALGOS_COPY)
                       "2: sbrs %A[count], 2\n\t" "rjmp 3f\n\t" EDGEALGOS_FOUR_COPIES
                       "3: sbrs %A[count], 3\n\t" "rjmp 4f\n\t" EDGEALGOS_TWICE(EDGEALGOS_FOUR_COPIES)
                       "4: andi %A[count], 0xf0\n\t"
                       "5: sbiw %[count], 16\n\t" "brcs 6f\n\t" EDGEALGOS_TWICE(EDGEALGOS_TWICE(EDGEALGOS_FOUR_COPIES))
                       "rjmp 5b\n\t"
                       "6:\n\t"
                       : [count] "+w"(count), "+x"(from), "+z"(to)
                       :
                       : "r0", "memory");
}
#endif

// Puts a row (null: zeros) where the oldest one lay, the next one goes behind it.
template <uint8_t Rows, class T> inline void put_row(const T *row, T *ring, int16_t *places, uint16_t size) {
  T *place = ring + static_cast<uint16_t>(places[0]) * size;
  if (row) copy(row, place, size);
  else clear(place, size);
  places[0] = places[0] + 1 < Rows ? static_cast<int16_t>(places[0] + 1) : 0;
}
template <uint8_t Rows, class T>
EDGEALGOS_NOINLINE void hold_row(const T *row, T *ring, int16_t *places, uint16_t size) {
  put_row<Rows>(row, ring, places, size);
  barrier();
}

// Whether a row of results is due once so many rows have come.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top> inline bool is_due(int16_t rows) {
  const int16_t after = static_cast<int16_t>(rows + Top - Kernel);
  return after >= 0 && static_cast<uint16_t>(after) % Stride == 0;
}

// Puts a row (null: zeros) where the oldest one lay; whether a row of results is due.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, class T>
EDGEALGOS_NOINLINE bool take_row(const T *row, T *ring, int16_t *position, uint16_t size) {
  put_row<Kernel>(row, ring, position, size);
  barrier();
  return is_due<Kernel, Stride, Top>(++position[1]);
}

// The next result that rows of zeros below the picture make due, if any.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool keep_below(const T *, T *ring, int16_t *position, uint16_t size) {
  if (Bottom == 0) return false;
  while (static_cast<uint16_t>(position[1]) >= Height && static_cast<uint16_t>(position[1]) < Height + Bottom)
    if (take_row<Kernel, Stride, Top, T>(nullptr, ring, position, size)) return true;
  return false;
}

// Takes a row of the picture; whether a row of results is due. Rows after the last one are ignored.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool keep_row(const T *row, T *ring, int16_t *position, uint16_t size) {
  if (static_cast<uint16_t>(position[1]) >= Height) return false;
  return take_row<Kernel, Stride, Top>(row, ring, position, size) ||
         keep_below<Kernel, Stride, Top, Bottom, Height>(row, ring, position, size);
}

// The same for a ring of the rows before the one that has come: a row that makes a result due stays where it is.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, class T>
EDGEALGOS_NOINLINE bool await_due(const T *row, T *ring, int16_t *position, uint16_t size) {
  const bool due = is_due<Kernel, Stride, Top>(++position[1]);
  if (!due) put_row<Kernel - 1>(row, ring, position, size);
  barrier();
  return due;
}

// The next result that rows of zeros below the picture make due, if any; the row becomes one.
template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool await_below(T *row, T *ring, int16_t *position, uint16_t size) {
  if (Bottom == 0) return false;
  while (static_cast<uint16_t>(position[1]) >= Height && static_cast<uint16_t>(position[1]) < Height + Bottom) {
    clear(row, size);
    if (await_due<Kernel, Stride, Top>(row, ring, position, size)) return true;
  }
  return false;
}

template <uint8_t Kernel, uint8_t Stride, uint8_t Top, uint8_t Bottom, uint16_t Height, class T>
bool await_row(T *row, T *ring, int16_t *position, uint16_t size) {
  if (static_cast<uint16_t>(position[1]) >= Height) return false;
  return await_due<Kernel, Stride, Top>(row, ring, position, size) ||
         await_below<Kernel, Stride, Top, Bottom, Height>(row, ring, position, size);
}

// The rows that a kernel sees, the oldest first: those of a ring, and a last one that is none of it, unless it is null.
template <uint8_t Rows, class T> struct RingRows {
  const T *row[Rows];
  RingRows(const T *ring, const int16_t *position, const T *last, uint16_t size) {
    const uint8_t kept = last ? Rows - 1 : Rows;
    uint8_t place = static_cast<uint8_t>(position[0]);
    for (uint8_t i = 0; i < kept; ++i) {
      row[i] = ring + static_cast<uint16_t>(place) * size;
      place = static_cast<uint8_t>(place + 1) < kept ? static_cast<uint8_t>(place + 1) : 0;
    }
    if (last) row[Rows - 1] = last;
  }
};

// Takes out the row that was put in first, and adds it.
template <int Shift, int ShiftOfHeld, int Bits, uint8_t Rows, class T, class H, class Out>
EDGEALGOS_NOINLINE void add_row(const T *source, const H *ring, int16_t *places, Out *out, uint16_t size) {
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

// Every channel alone: out[p, c] = sum of weights[c] times what the kernel sees of channel c at p.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, uint8_t Positions, class T, class W, class B, class Out, bool Assembly>
struct EachChannel {
  static void apply(RingRows<Rows, T> &rows, const W *weights, const B *bias, Out *out) {
    for (uint8_t c = 0; c < Channels; ++c, ++out, ++bias, weights += Rows * Columns) {
      int16_t start = -static_cast<int16_t>(Left);
      Out *place = out;
      for (uint8_t p = 0; p < Positions; ++p, start = static_cast<int16_t>(start + Stride), place += Channels)
        *place = result<Acc, Count, Bits, Rectify, Out>(sum_at(rows, weights, start), bias);
      for (uint8_t i = 0; i < Rows; ++i) ++rows.row[i];
    }
  }
  static Acc sum_at(const RingRows<Rows, T> &rows, const W *weights, int16_t start) {
    typedef typename Wrapping<Acc>::type Sum;
    const Inside<Columns, Width> inside(start);
    const int16_t from = static_cast<int16_t>((start + inside.first) * static_cast<int16_t>(Channels));
    Sum sum = 0;
    for (uint8_t i = 0; i < Rows; ++i) {
      const W *weight = weights + i * Columns + inside.first;
      const T *value = rows.row[i] + from;
      for (uint8_t j = inside.first; j < inside.last; ++j, value += Channels)
        sum = static_cast<Sum>(sum + static_cast<Sum>(static_cast<int32_t>(flash(weight++)) * *value));
    }
    return static_cast<Acc>(sum);
  }
};

@LAYERS@
// Whether assembly knows how a kernel of 3 x 3 moves, and how its sums become bytes.
template <int Count, int Bits, uint8_t Stride, uint8_t Left, uint8_t Width, uint8_t Channels, uint8_t Positions>
struct InAssembly {
  enum {
#if defined(__AVR_HAVE_MUL__)
    kByte = Count > 0 && Count < 15 && Bits <= 8 && Count + Bits > 8,
    kBy1 = Stride == 1 && Left + Width > 1,
    kBy2 = Stride == 2 && Left < 2 && Channels < 64 && 2 * Positions - Left - 1 < Width,
    kYes = kByte && (kBy1 || kBy2)
#else
    kYes = false
#endif
  };
};

// Every channel alone, over the rows of a ring.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, uint8_t Positions, class T, class W, class B, class Out>
EDGEALGOS_NOINLINE void depthwise(const T *ring, const int16_t *position, const T *row, const W *weights,
                                  const B *bias, Out *out) {
  RingRows<Rows, T> rows(ring, position, row, static_cast<uint16_t>(Width) * Channels);
  typedef InAssembly<Count, Bits, Stride, Left, Width, Channels, Positions> Kernel;
  const bool small = sizeof(Acc) == 2 && sizeof(T) == 1 && sizeof(W) == 1 && sizeof(B) == 2 && sizeof(Out) == 1;
  const bool known = small && Rows == 3 && Columns == 3 && Kernel::kYes;
  EachChannel<Acc, Count, Bits, Rectify, Rows, Columns, Stride, Left, Width, Channels, Positions, T, W, B, Out,
              known>::apply(rows, weights, bias, out);
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
template <class Acc, int Count, int Bits, bool Rectify, class Rows, class B, class V, class Out, class N>
EDGEALGOS_NOINLINE void pointwise(Rows matrix, const B *bias, const V *source, Out *out, uint8_t positions, uint8_t rows, N columns) {
  for (uint8_t p = 0; p < positions; ++p, source += columns, out += rows)
    results<Acc, Count, Bits, Rectify>(matrix, bias, source, out, rows, columns);
  barrier();
}

// Rows of a matrix in blocks of four, column by column, rows beyond the last one zeros; or as nibbles, each 8 more than
// the weight, two rows in a byte.
template <bool Nibbles> struct LayerRows {
  enum { kAtOnce = 4 };
  const uint8_t *values;
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t left) {
    typedef typename Wrapping<Acc>::type Sum;
    Sum found[4] = {};
    for (N j = 0; j < columns; ++j)
      for (uint8_t k = 0; k < 4; ++k) {
        const uint8_t stored = flash(values);
        const int8_t weight = static_cast<int8_t>(!Nibbles ? stored : ((k & 1) ? stored >> 4 : stored & 15) - 8);
        if (!Nibbles || (k & 1)) ++values;
        found[k] = static_cast<Sum>(found[k] + product<Sum>(weight, vector[j]));
      }
    const uint8_t count = left < 4 ? left : 4;
    for (uint8_t k = 0; k < count; ++k) sums[k] = static_cast<Acc>(found[k]);
    return count;
  }
};
inline LayerRows<false> layer_blocks(const int8_t *values) {
  const LayerRows<false> rows = {reinterpret_cast<const uint8_t *>(values)};
  return rows;
}
inline LayerRows<true> layer_nibbles(const uint8_t *values) {
  const LayerRows<true> rows = {values};
  return rows;
}

#define EDGEALGOS_LINES "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"  // how far branches reach, gcc knows from the lines of code
// The same for a count that is known: of a few bytes without a loop.
template <uint16_t Count, class T> inline void copy_all(const T *from, T *to) { copy(from, to, Count); }
#if defined(__AVR_HAVE_MUL__)
template <uint16_t Count> EDGEALGOS_INLINE void copy_all(const int8_t *from, int8_t *to) {
  if (Count > 16) return copy(from, to, Count);
  __asm__ __volatile__(".rept %[count]\n\t" EDGEALGOS_COPY ".endr\n\t" EDGEALGOS_LINES EDGEALGOS_LINES
                       : "+x"(from), "+z"(to)
                       : [count] "n"(Count)
                       : "r0", "memory");
}
#endif

// What a kernel sees at one position after the other, in the order of its weights; beyond the row there are zeros.
template <uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left, uint8_t Width, uint8_t Channels, class T>
struct Patches {
  enum { kSize = Columns * Channels };  // values of a row
  RingRows<Rows, T> rows;
  int16_t start;
  T seen[static_cast<uint16_t>(Rows) * Columns * Channels];
  Patches(const T *ring, const int16_t *position, const T *row)
      : rows(ring, position, row, static_cast<uint16_t>(Width) * Channels), start(-static_cast<int16_t>(Left)) {}
  EDGEALGOS_NOINLINE const T *next() {
    const Inside<Columns, Width> inside(start);
    const uint8_t before = inside.first * Channels, behind = static_cast<uint8_t>(Columns - inside.last) * Channels;
    const uint8_t values = static_cast<uint8_t>(kSize - before - behind);
    const uint16_t from = static_cast<uint16_t>(start + inside.first) * Channels;
    T *place = seen;
    for (uint8_t i = 0; i < Rows; ++i, place += kSize) {
      if (values == kSize) {
        copy_all<kSize>(rows.row[i] + from, place);
        continue;
      }
      clear(place, before);
      copy(rows.row[i] + from, place + before, values);
      clear(place + kSize - behind, behind);
    }
    start = static_cast<int16_t>(start + Stride);
    return seen;
  }
};

// out[p] = matrix * what the kernel sees at p + bias.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, class M, class B, class T, class Out, class N>
EDGEALGOS_NOINLINE void convolve(M matrix, const B *bias, const T *ring, const int16_t *position, const T *row,
                                 Out *out, uint8_t positions, uint8_t outputs, N size) {
  Patches<Rows, Columns, Stride, Left, Width, Channels, T> patches(ring, position, row);
  for (; positions; --positions, out += outputs)
    results<Acc, Count, Bits, Rectify>(matrix, bias, patches.next(), out, outputs, size);
  barrier();
}

// The largest value of each channel in all rows and `Columns` positions.
template <uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Width, uint8_t Channels, class T>
EDGEALGOS_NOINLINE void max_pool(const T *ring, T *out, uint8_t positions) {
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

// Takes a row into the largest values of each channel so far, in `Columns` positions each; whether `Kernel` rows have
// come. Rows after the last one are ignored.
template <uint8_t Kernel, uint16_t Height, uint8_t Columns, uint8_t Stride, uint8_t Channels, class T>
EDGEALGOS_NOINLINE bool pool_row(const T *row, T *out, int16_t *position, uint8_t positions) {
  if (static_cast<uint16_t>(position[0]) >= Height) return false;
  const bool first = static_cast<uint16_t>(position[0]) % Kernel == 0;
  for (; positions; --positions, row += static_cast<int16_t>(Stride - 1) * Channels)
    for (uint8_t c = 0; c < Channels; ++c, ++row, ++out) {
      T top = *row;
      for (uint8_t j = 1; j < Columns; ++j) {
        const T value = row[static_cast<uint16_t>(j) * Channels];
        if (value > top) top = value;
      }
      if (first || top > *out) *out = top;
    }
  barrier();
  return static_cast<uint16_t>(++position[0]) % Kernel == 0;
}

// sums[c] += values of channel c at all positions; of a whole picture they fit.
template <class T, class S>
EDGEALGOS_NOINLINE void sum_row(const T *source, S *sums, uint8_t positions, uint8_t channels) {
  for (uint8_t p = 0; p < positions; ++p)
    for (uint8_t c = 0; c < channels; ++c) sums[c] = static_cast<S>(sums[c] + *source++);
  barrier();
}

}  // namespace edgealgos

#endif  // EDGEALGOS_CONV_H
