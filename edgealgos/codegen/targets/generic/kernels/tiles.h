// Rows in tiles of four rows and four columns, a row of a tile in one word: for processors that take words apart.
#ifndef EDGEALGOS_TILES_H
#define EDGEALGOS_TILES_H

#include <stdint.h>

namespace edgealgos {

#if !defined(EDGEALGOS_OWN_TILES)
// Four rows side by side, in tiles of four columns; what is left of the columns is padded with zeros.
inline void dot_tiles(const int8_t *tiles, const int8_t *vector, uint16_t columns, int32_t *sums) {
  for (uint8_t k = 0; k < 4; ++k) sums[k] = 0;
  for (uint16_t j = 0; j < columns; ++j, tiles += (j & 3) ? 1 : 13)
    for (uint8_t k = 0; k < 4; ++k) sums[k] += static_cast<int16_t>(flash(tiles + 4 * k) * vector[j]);
}
#endif

// Reader of rows, as BlockRows is; of the rows that are left over each is padded to whole words.
template <bool Left> struct TileRows {
  enum { kAtOnce = 4 };
  const int8_t *values;
  static uint16_t padded(uint16_t columns) { return static_cast<uint16_t>((columns + 3u) & ~3u); }
  TileRows at(uint8_t node, uint8_t rows, uint16_t columns) const {
    const TileRows there = {values + static_cast<uint16_t>(node) * static_cast<uint16_t>(rows * padded(columns))};
    return there;
  }
  template <class Acc, class N> uint8_t next(const int8_t *vector, N columns, Acc *sums, uint8_t left) {
    if (Left && left < 4) {
      *sums = Dot<Acc, int8_t, int8_t>::dense(values, vector, columns);
      values += padded(columns);
      return 1;
    }
    int32_t four[4];
    dot_tiles(values, vector, columns, four);
    for (uint8_t k = 0; k < 4; ++k) sums[k] = static_cast<Acc>(four[k]);
    values += static_cast<uint16_t>(4 * padded(columns));
    return 4;
  }
};

template <bool Left> inline TileRows<Left> tiles(const int8_t *values) {
  const TileRows<Left> rows = {values};
  return rows;
}

}  // namespace edgealgos

#endif  // EDGEALGOS_TILES_H
