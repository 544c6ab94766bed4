// Rows of weights stored as indices into a table: any number representation of few values, decoded by look-up.
#ifndef EDGEALGOS_CODEBOOKS_H
#define EDGEALGOS_CODEBOOKS_H

#include <stdint.h>

namespace edgealgos {

// The weights of one row, one after the other; indices of four bits lie two in a byte, the lower half first.
template <class W, bool Halves> struct Decoder {
  const uint8_t *codes;
  const W *book;
  bool high;
  W next() {
    const uint8_t byte = flash(codes);
    if (!Halves || high) ++codes;
    const uint8_t index = !Halves ? byte : high ? byte >> 4 : byte & 15;
    high = Halves && !high;
    return flash(book + index);
  }
  const uint8_t *end() const { return high ? codes + 1 : codes; }
};

template <class Acc, class W, bool Halves, class V>
EDGEALGOS_NOINLINE Acc dot_codebook(const uint8_t *bits, Decoder<W, Halves> *row, const V *vector, uint16_t columns) {
  typedef typename Wrapping<Acc>::type Sum;
  Sum sum = 0;
  uint8_t mask = 0;
  for (uint16_t j = 0; j < columns; ++j) {
    if ((j & 7) == 0) mask = bits ? flash(bits++) : 0xFF;
    if (mask & 1) sum = static_cast<Sum>(sum + product<Sum>(row->next(), vector[j]));
    mask = static_cast<uint8_t>(mask >> 1);
  }
  return static_cast<Acc>(sum);
}

// Reader of rows, as DenseRows (no `bits`) and BitmapRows are.
template <class W, bool Halves> struct CodebookRows {
  enum { kAtOnce = 1 };
  const uint8_t *bits;
  const uint8_t *codes;
  const W *book;
  const uint16_t *starts;  // of each block's codes; null for a single matrix
  CodebookRows at(uint8_t block, uint8_t rows, uint16_t columns) const {
    const CodebookRows there =
        {bits ? bits + static_cast<uint16_t>(block) * static_cast<uint16_t>(rows * ((columns + 7) >> 3)) : bits,
                                starts ? codes + flash(starts + block) : codes, book, starts};
    return there;
  }
  template <class Acc, class V> uint8_t next(const V *vector, uint16_t columns, Acc *sums, uint8_t) {
    Decoder<W, Halves> row = {codes, book, false};
    *sums = dot_codebook<Acc>(bits, &row, vector, columns);
    codes = row.end();
    if (bits) bits += (columns + 7) >> 3;
    return 1;
  }
};

template <bool Halves, class W>
inline CodebookRows<W, Halves> codebook(const uint8_t *bits, const uint8_t *codes, const W *book,
                                        const uint16_t *starts = nullptr) {
  const CodebookRows<W, Halves> rows = {bits, codes, book, starts};
  return rows;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_CODEBOOKS_H
