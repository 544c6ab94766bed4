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
          uint8_t Width, uint8_t Channels, class T, class W, class B, class Out>
void depthwise(const T *ring, const int16_t *position, const W *weights, const B *bias, Out *out, uint8_t positions) {
  typedef typename Wrapping<Acc>::type Sum;
  const RingRows<Rows, T> rows(ring, position, static_cast<uint16_t>(Width) * Channels);
  int16_t start = -static_cast<int16_t>(Left);
  for (uint8_t p = 0; p < positions; ++p, start = static_cast<int16_t>(start + Stride)) {
    const Inside<Columns, Width> inside(start);
    const int16_t from = static_cast<int16_t>((start + inside.first) * static_cast<int16_t>(Channels));
    const W *weight = weights;
    for (uint8_t c = 0; c < Channels; ++c) {
      Sum sum = 0;
      for (uint8_t i = 0; i < Rows; ++i, weight += Columns) {
        const T *value = rows.row[i] + from + c;
        for (uint8_t j = inside.first; j < inside.last; ++j, value += Channels)
          sum = static_cast<Sum>(sum + static_cast<Sum>(static_cast<int32_t>(flash(weight + j)) * *value));
      }
      *out++ = result<Acc, Count, Bits, Rectify, Out>(static_cast<Acc>(sum), bias + c);
    }
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
template <class Acc, int Count, int Bits, bool Rectify, class Rows, class B, class V, class Out, class N>
void pointwise(Rows matrix, const B *bias, const V *source, Out *out, uint8_t positions, uint8_t rows, N columns) {
  for (uint8_t p = 0; p < positions; ++p, source += columns, out += rows)
    results<Acc, Count, Bits, Rectify>(matrix, bias, source, out, rows, columns);
  barrier();
}

// out[p] = matrix * what the kernel sees at p + bias.
template <class Acc, int Count, int Bits, bool Rectify, uint8_t Rows, uint8_t Columns, uint8_t Stride, uint8_t Left,
          uint8_t Width, uint8_t Channels, class M, class B, class T, class Out, class N>
void convolve(M matrix, const B *bias, const T *ring, const int16_t *position, Out *out, uint8_t positions,
              uint8_t outputs, N size) {
  const RingRows<Rows, T> rows(ring, position, static_cast<uint16_t>(Width) * Channels);
  T seen[static_cast<uint16_t>(Rows) * Columns * Channels];
  int16_t start = -static_cast<int16_t>(Left);
  for (uint8_t p = 0; p < positions; ++p, start = static_cast<int16_t>(start + Stride), out += outputs) {
    T *place = seen;
    for (uint8_t i = 0; i < Rows; ++i)
      for (int16_t j = start; j < start + Columns; ++j) {
        const bool inside = j >= 0 && j < Width;
        const T *value = rows.row[i] + (inside ? static_cast<uint16_t>(j) * Channels : 0);
        for (uint8_t c = 0; c < Channels; ++c) *place++ = inside ? *value++ : 0;
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
