// The inner loops of products in C++, for processors whose own are not in assembly.
#ifndef EDGEALGOS_PRODUCTS_H
#define EDGEALGOS_PRODUCTS_H

namespace edgealgos {

// A sparse row's sum and where the next row's weights begin; small enough to come back in registers.
struct SparseSum16 {
  const int8_t *next;
  int16_t sum;
};
struct SparseSum32 {
  const int8_t *next;
  int32_t sum;
};

}  // namespace edgealgos

@KERNELS@
#if !defined(__AVR_HAVE_MUL__)
namespace edgealgos {

@WITHOUT_MUL@
@SIMD@
@THUMB@
#if !defined(__AVR__)

#if !defined(EDGEALGOS_OWN_DOT)
inline int16_t dot16(const int8_t *row, const int8_t *vector, uint16_t columns) {
  uint16_t sum = 0;
  while (columns--) sum = static_cast<uint16_t>(sum + *row++ * *vector++);
  return static_cast<int16_t>(sum);
}

inline int32_t dot32(const int8_t *row, const int8_t *vector, uint16_t columns) {
  int32_t sum = 0;
  while (columns--) sum += *row++ * *vector++;
  return sum;
}

#endif

inline int32_t dot24(const int8_t *row, const int8_t *vector, uint16_t columns) { return dot32(row, vector, columns); }

// Eight tests in a row: shifting the mask and counting columns would take longer than the products.
inline int32_t bitmap_row32(const uint8_t *bits, const int8_t *&values, const int8_t *vector, uint8_t mask_bytes) {
#define EDGEALGOS_COLUMN(k) if (mask & (1 << k)) sum += *weight++ * vector[k];
  int32_t sum = 0;
  const int8_t *weight = values;
  for (const uint8_t *const end = bits + mask_bytes; bits != end; vector += 8) {
    const uint32_t mask = *bits++;
    EDGEALGOS_COLUMN(0) EDGEALGOS_COLUMN(1) EDGEALGOS_COLUMN(2) EDGEALGOS_COLUMN(3)
    EDGEALGOS_COLUMN(4) EDGEALGOS_COLUMN(5) EDGEALGOS_COLUMN(6) EDGEALGOS_COLUMN(7)
  }
  values = weight;
  return sum;
#undef EDGEALGOS_COLUMN
}

inline int16_t bitmap_row16(const uint8_t *bits, const int8_t *&values, const int8_t *vector, uint8_t mask_bytes) {
  return static_cast<int16_t>(bitmap_row32(bits, values, vector, mask_bytes));
}

inline SparseSum32 dot_indexed32(const int8_t *row, const int8_t *vector, uint8_t columns) {
  (void)columns;
  int32_t sum = 0;
  for (uint8_t left = static_cast<uint8_t>(*row++); left; --left, row += 2) {
    vector += static_cast<uint8_t>(row[0]);
    sum += row[1] * *vector;
  }
  const SparseSum32 result = {row, sum};
  return result;
}

inline SparseSum16 dot_indexed16(const int8_t *row, const int8_t *vector, uint8_t columns) {
  const SparseSum32 exact = dot_indexed32(row, vector, columns);
  const SparseSum16 result = {exact.next, static_cast<int16_t>(exact.sum)};
  return result;
}

inline uint16_t squared_distance7(const int8_t *prototype, const int8_t *z, uint8_t width, uint8_t far) {
  (void)far;  // leaving out the rest is for those who are slow
  uint32_t sum = 0;
  for (uint8_t i = 0; i < width; ++i) sum += static_cast<uint32_t>((z[i] - prototype[i]) * (z[i] - prototype[i]));
  return static_cast<uint16_t>(sum > 0xFFFF ? 0xFFFF : sum);
}

inline int32_t multiply(int16_t a, int8_t b) { return static_cast<int32_t>(a) * b; }
inline int32_t multiply(int16_t a, uint8_t b) { return static_cast<int32_t>(a) * b; }

inline int16_t scale_by_byte(int16_t a, uint8_t b) {
  return static_cast<int16_t>((static_cast<int32_t>(a) * b + 128) >> 8);
}


// The next four rows side by side, column by column.
template <class Acc>
EDGEALGOS_NOINLINE void dot_block(const int8_t *weights, const int8_t *vector, uint8_t columns, Acc *sums) {
  int32_t a = 0, b = 0, c = 0, d = 0;
  for (; columns; --columns, weights += 4) {
    const int32_t x = *vector++;
    a += weights[0] * x;
    b += weights[1] * x;
    c += weights[2] * x;
    d += weights[3] * x;
  }
  sums[0] = static_cast<Acc>(a), sums[1] = static_cast<Acc>(b);
  sums[2] = static_cast<Acc>(c), sums[3] = static_cast<Acc>(d);
}

#endif

template <class Acc>
EDGEALGOS_PART inline void dot_blocks(const int8_t *weights, const int8_t *vector, uint8_t columns, Acc *sums,
                                      uint8_t blocks) {
#if defined(EDGEALGOS_OWN_WORDS)
  if ((reinterpret_cast<uintptr_t>(weights) & 3) == 0) {
    dot_words(weights, vector, columns, sums, blocks);
    return;
  }
#endif
  for (; blocks; --blocks, weights += 4 * columns, sums += 4) dot_block(weights, vector, columns, sums);
}
EDGEALGOS_PART inline void dot_blocks16(const int8_t *weights, const int8_t *vector, uint8_t columns, int16_t *sums,
                                        uint8_t blocks) {
  dot_blocks(weights, vector, columns, sums, blocks);
}
EDGEALGOS_PART inline void dot_blocks24(const int8_t *weights, const int8_t *vector, uint8_t columns, int32_t *sums,
                                        uint8_t blocks) {
  dot_blocks(weights, vector, columns, sums, blocks);
}

inline void add_scaled(const int8_t *weights, uint16_t factor, int32_t *scores, uint8_t count) {
  for (uint8_t c = 0; c < count; ++c) scores[c] += static_cast<int32_t>(flash(weights + c)) * factor;
}

inline int16_t add_saturated(int16_t a, int16_t b) {
  const int32_t sum = static_cast<int32_t>(a) + b;
  return static_cast<int16_t>(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
}

template <int Shift> inline int16_t shifted_byte(int8_t b) { return static_cast<int16_t>(b * (1 << Shift)); }

inline int8_t hard_tanh_byte(int16_t a) {
  const int32_t t = (static_cast<int32_t>(a) + 16) >> 5;
  return static_cast<int8_t>(t > 127 ? 127 : t < -128 ? -128 : t);
}

}  // namespace edgealgos
#endif

#endif  // EDGEALGOS_PRODUCTS_H
