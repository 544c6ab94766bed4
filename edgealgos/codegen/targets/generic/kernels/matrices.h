// Products of matrices, whatever stores them. Read as a part of edgealgos_runtime.h.
#ifndef EDGEALGOS_MATRICES_H
#define EDGEALGOS_MATRICES_H

// ---- products -------------------------------------------------------------------------------------------------

// Unsigned twin of an accumulator: sums wrap instead of overflowing when inputs break the documented range.
template <class Acc> struct Wrapping;
template <> struct Wrapping<int16_t> { typedef uint16_t type; };
template <> struct Wrapping<int32_t> { typedef uint32_t type; };

template <class Sum, class W, class V> inline Sum product(W weight, V value) {
  return static_cast<Sum>(static_cast<int32_t>(weight) * value);
}
#if defined(__AVR__) && !defined(__AVR_HAVE_MUL__)  // the compiler would loop over the bits of double words
template <class Sum> inline Sum product(int8_t weight, int8_t value) {
  return static_cast<Sum>(byte_product(weight, value));
}
template <class Sum> inline Sum product(int16_t weight, int8_t value) {
  return static_cast<Sum>(multiply(weight, value));
}
template <class Sum> inline Sum product(int8_t weight, int16_t value) {
  return static_cast<Sum>(multiply(value, weight));
}
#endif

// One row of a dense matrix times a vector: any widths in C++, bytes by the kernels above.
template <class Acc, class W, class V> struct Dot {
  typedef typename Wrapping<Acc>::type Sum;
  EDGEALGOS_NOINLINE static Acc dense(const W *row, const V *vector, uint16_t columns) {
    Sum sum = 0;
    for (uint16_t j = 0; j < columns; ++j) sum = static_cast<Sum>(sum + product<Sum>(flash(row + j), vector[j]));
    return static_cast<Acc>(sum);
  }
};
template <> struct Dot<int16_t, int8_t, int8_t> {
  template <class N> static int16_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot16(row, vector, columns);
  }
};
template <> struct Dot<int32_t, int8_t, int8_t> {
  template <class N> static int32_t dense(const int8_t *row, const int8_t *vector, N columns) {
    return dot32(row, vector, columns);
  }
};

// One row of a bitmap matrix: a bit a column (lowest first), rows padded to bytes; `values` moves past the row's own.
template <class Acc, class W, class V> struct BitmapDot {
  typedef typename Wrapping<Acc>::type Sum;
  EDGEALGOS_NOINLINE static Acc row(const uint8_t *bits, const W **values, const V *vector, uint16_t columns) {
    Sum sum = 0;
    const W *value = *values;
    uint8_t mask = 0;
    for (uint16_t j = 0; j < columns; ++j) {
      if ((j & 7) == 0) mask = flash(bits++);
      if (mask & 1) sum = static_cast<Sum>(sum + product<Sum>(flash(value++), vector[j]));
      mask = static_cast<uint8_t>(mask >> 1);
    }
    *values = value;
    return static_cast<Acc>(sum);
  }
};
template <> struct BitmapDot<int16_t, int8_t, int8_t> {
  template <class N>
  EDGEALGOS_NOINLINE static int16_t row(const uint8_t *bits, const int8_t **values, const int8_t *vector, N columns) {
    return bitmap_row16(bits, *values, vector, static_cast<uint8_t>((columns + 7) >> 3));
  }
};
template <> struct BitmapDot<int32_t, int8_t, int8_t> {
  template <class N>
  EDGEALGOS_NOINLINE static int32_t row(const uint8_t *bits, const int8_t **values, const int8_t *vector, N columns) {
    return bitmap_row32(bits, *values, vector, static_cast<uint8_t>((columns + 7) >> 3));
  }
};

// One row of an indexed matrix, and where the next one begins.
template <class Acc> struct IndexedDot;
template <> struct IndexedDot<int16_t> {
  static SparseSum16 row(const int8_t *row, const int8_t *vector, uint8_t columns) {
    return dot_indexed16(row, vector, columns);
  }
};
template <> struct IndexedDot<int32_t> {
  static SparseSum32 row(const int8_t *row, const int8_t *vector, uint8_t columns) {
    return dot_indexed32(row, vector, columns);
  }
};

// Blocks of four rows.
template <class Acc> struct BlockDot;
template <> struct BlockDot<int16_t> {
  static void rows(const int8_t *weights, const int8_t *vector, uint8_t columns, int16_t *sums, uint8_t blocks) {
    dot_blocks16(weights, vector, columns, sums, blocks);
  }
};
template <> struct BlockDot<int32_t> {
  static void rows(const int8_t *weights, const int8_t *vector, uint8_t columns, int32_t *sums, uint8_t blocks) {
    dot_blocks24(weights, vector, columns, sums, blocks);
  }
};

// The rows of a matrix in the order of storage, whatever the storage: next() takes up to kAtOnce of the `left` rows
// that are left times a vector, and says how many it took. at() finds the first row of a block of equal matrices (the
// nodes of a tree).
template <class W> struct DenseRows {
  enum { kAtOnce = 1 };
  const W *values;
  DenseRows at(uint8_t node, uint8_t rows, uint16_t columns) const {
    const DenseRows there = {values + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * columns)};
    return there;
  }
  template <class Acc, class V, class N> uint8_t next(const V *vector, N columns, Acc *sums, uint8_t) {
    *sums = Dot<Acc, W, V>::dense(values, vector, columns);
    values += columns;
    return 1;
  }
};

// Four rows side by side, column by column; what is left of them below, row by row.
// Left: whether rows are left over.
template <bool Left> struct BlockRows {
  enum { kAtOnce = 8 };
  const int8_t *values;
  BlockRows at(uint8_t node, uint8_t rows, uint8_t columns) const {
    const BlockRows there = {values + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * columns)};
    return there;
  }
  template <class Acc> uint8_t next(const int8_t *vector, uint8_t columns, Acc *sums, uint8_t left) {
    if (EDGEALGOS_MAY_BE(Left) && left < 4) {
      *sums = Dot<Acc, int8_t, int8_t>::dense(values, vector, columns);
      values += columns;
      return 1;
    }
    const uint8_t blocks = left < kAtOnce ? 1 : 2;
    BlockDot<Acc>::rows(values, vector, columns, sums, blocks);
    values += static_cast<uint16_t>(blocks * static_cast<uint16_t>(4 * columns));
    return static_cast<uint8_t>(4 * blocks);
  }
};

// Groups of up to `Together` rows, each column by column.
template <uint8_t Together> struct ColumnRows {
  enum { kAtOnce = Together };
  const int8_t *values;
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t left) {
    typedef typename Wrapping<Acc>::type U;
    const uint8_t rows = left < Together ? left : Together;
    for (uint8_t k = 0; k < rows; ++k) sums[k] = 0;
    for (N i = 0; i < columns; ++i)
      for (uint8_t k = 0; k < rows; ++k)
        sums[k] = static_cast<Acc>(static_cast<U>(sums[k]) + static_cast<U>(vector[i] * flash(values++)));
    return rows;
  }
};

// Groups of `Together` rows, the last one filled up with zeros.
template <uint8_t Together> struct GroupRows {
  enum { kAtOnce = Together };
  ColumnRows<Together> group;
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t left) {
    group.next(vector, columns, sums, Together);
    return left < Together ? left : Together;
  }
};

template <class W> struct BitmapRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const W *values;
  const uint16_t *starts;  // of each node's values; null for a single matrix
  BitmapRows at(uint8_t node, uint8_t rows, uint16_t columns) const {
    const BitmapRows there = {bits + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * ((columns + 7) >> 3)),
                              starts ? values + flash(starts + node) : values, starts};
    return there;
  }
  template <class Acc, class V, class N> uint8_t next(const V *vector, N columns, Acc *sums, uint8_t) {
    *sums = BitmapDot<Acc, W, V>::row(bits, &values, vector, columns);
    bits += (columns + 7) >> 3;
    return 1;
  }
};

// Rows of more columns than a kernel takes at once, piece by piece.
template <class W> struct WideBitmapRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const W *values;
  template <class Acc, class V> uint8_t next(const V *vector, uint16_t columns, Acc *sums, uint8_t) {
    Acc sum = 0;
    while (columns) {
      const uint16_t piece = columns < 2040 ? columns : 2040;
      sum = static_cast<Acc>(sum + BitmapDot<Acc, W, V>::row(bits, &values, vector, piece));
      bits += (piece + 7) >> 3;
      vector += piece;
      columns = static_cast<uint16_t>(columns - piece);
    }
    *sums = sum;
    return 1;
  }
};

// Of each row how many weights it has, then each behind the number of columns to go on.
struct IndexedRows {
  enum { kAtOnce = 1 };
  const int8_t *values;
  const uint16_t *starts;  // of each node's rows; null for a single matrix
  IndexedRows at(uint8_t node, uint8_t, uint8_t) const {
    const IndexedRows there = {starts ? values + flash(starts + node) : values, starts};
    return there;
  }
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t) {
    const auto row = IndexedDot<Acc>::row(values, vector, static_cast<uint8_t>(columns));
    values = row.next;
    *sums = row.sum;
    return 1;
  }
};

template <class W> inline DenseRows<W> dense(const W *values) {
  const DenseRows<W> rows = {values};
  return rows;
}
inline IndexedRows indexed(const int8_t *values, const uint16_t *starts = nullptr) {
  const IndexedRows rows = {values, starts};
  return rows;
}
template <bool Left> inline BlockRows<Left> blocks(const int8_t *values) {
  const BlockRows<Left> rows = {values};
  return rows;
}
template <uint8_t Together> inline GroupRows<Together> groups(const int8_t *values) {
  const GroupRows<Together> rows = {{values}};
  return rows;
}
template <uint8_t Together> inline ColumnRows<Together> columns(const int8_t *values) {
  const ColumnRows<Together> rows = {values};
  return rows;
}
template <class W> inline WideBitmapRows<W> wide_bitmap(const uint8_t *bits, const W *values) {
  const WideBitmapRows<W> rows = {bits, values};
  return rows;
}
template <class W>
inline BitmapRows<W> bitmap(const uint8_t *bits, const W *values, const uint16_t *starts = nullptr) {
  const BitmapRows<W> rows = {bits, values, starts};
  return rows;
}

// acc + bias[i], wrapping; a null bias is zero.
template <class Acc, class B> inline Acc with_bias(Acc acc, const B *bias, uint16_t i) {
  typedef typename Wrapping<Acc>::type U;
  return bias ? static_cast<Acc>(static_cast<U>(acc) + static_cast<U>(flash(bias + i))) : acc;
}

#if !defined(__AVR__)
// Results of `count` rows of which the sums are known, row i first; no bias is one that stays where it is, at zero.
template <class Acc, int Count, int Bits, class B, class Out>
inline void round_rows(const Acc *sums, const B *bias, Out *out, uint16_t i, uint8_t count) {
  const B none = 0;
  const Acc *const end = sums + count;
  const uint8_t step = bias ? 1 : 0;
  bias = bias ? bias + i : &none;
  out += i;
  do {
    *out++ = static_cast<Out>(rescale<Count, Bits>(with_bias(*sums++, bias, 0)));
    bias += step;
  } while (sums != end);
}
#endif

}  // namespace edgealgos

#endif
