// Kernels of FastGRNN, FastRNN and GRU. Read as a part of edgealgos_runtime.h.
#ifndef EDGEALGOS_RECURRENT_H
#define EDGEALGOS_RECURRENT_H

// ---- FastGRNN, FastRNN and GRU --------------------------------------------------------------------------------

// tanh at (i + 1/2) / 32 in Q0.7.
static const int8_t kTanh[128] EDGEALGOS_FLASH = {
@TANH@};

// Non-linearities of a pre-activation with 12 fractional bits.
struct HardTanh {
  static int8_t candidate(int16_t a) { return hard_tanh_byte(a); }
  // clip(((a + 4096) + 16) / 32, 0, 255)
  static uint8_t gate(int16_t a) { return static_cast<uint8_t>(static_cast<uint8_t>(hard_tanh_byte(a)) ^ 0x80); }
};
struct TableTanh {
  static int8_t candidate(int16_t a) {
    const uint16_t magnitude = a < 0 ? static_cast<uint16_t>(0u - static_cast<uint16_t>(a)) : static_cast<uint16_t>(a);
    const uint8_t index = magnitude >= 16384 ? 127 : static_cast<uint8_t>(static_cast<uint16_t>(magnitude << 1) >> 8);
    const int8_t t = flash(kTanh + index);
    return static_cast<int8_t>(a < 0 ? -t : t);
  }
  static uint8_t gate(int16_t a) {
    return static_cast<uint8_t>(static_cast<uint8_t>(candidate(static_cast<int16_t>(a >> 1))) ^ 0x80);
  }
};

// a + bias * 2^Left, saturated.
template <int Left, class B, bool Byte = (sizeof(B) == 1 && Left >= 0 && Left <= 8)> struct Biased {
  static int16_t apply(int16_t a, B bias) {
    return static_cast<int16_t>(saturate<16>(a + static_cast<int32_t>(bias) * (static_cast<int32_t>(1) << Left)));
  }
};
template <int Left, class B> struct Biased<Left, B, true> {
  static int16_t apply(int16_t a, B bias) { return add_saturated(a, shifted_byte<Left>(bias)); }
};

// h = g c + s h with g = zeta (1 - s) + nu; zeta, nu and s have 8 fractional bits, c is Q0.7, h is Q0.15.
template <class Tanh, int ShiftZ, int ShiftH, class B>
EDGEALGOS_OP void gated_update(const int16_t *preactivation, const B *bias_z, const B *bias_h, uint8_t zeta,
                               uint8_t nu, int16_t *h, uint8_t units) {
  do {
    const int16_t a = *preactivation++;
    const uint8_t s = Tanh::gate(Biased<ShiftZ, B>::apply(a, flash(bias_z++)));
    const int8_t c = Tanh::candidate(Biased<ShiftH, B>::apply(a, flash(bias_h++)));
    // zeta (256 - s) + 128 never leaves 16 bits; nu is a whole number of 256ths.
    const uint16_t most = static_cast<uint16_t>(static_cast<uint16_t>(zeta) << 8);
    const uint16_t open = static_cast<uint16_t>(most - static_cast<uint16_t>(zeta * s) + 128u);
    const uint8_t share = static_cast<uint8_t>(open >> 8);
    const uint8_t sum = static_cast<uint8_t>(share + nu);
    const uint8_t g = sum < nu ? 255 : sum;
    *h = add_saturated(static_cast<int16_t>(g * c), scale_by_byte(*h, s));
    ++h;
  } while (--units);
  barrier();
}

// h = alpha c + beta h; alpha, beta and h are Q0.15, c is Q0.7.
template <class Tanh, int ShiftH, class B>
EDGEALGOS_OP void leaky_update(const int16_t *preactivation, const B *bias_h, int16_t alpha, int16_t beta, int16_t *h,
                  uint8_t units) {
  for (uint8_t i = 0; i < units; ++i) {
    const int8_t c = Tanh::candidate(Biased<ShiftH, B>::apply(preactivation[i], flash(bias_h + i)));
    const int32_t fresh = shift_right<7>(multiply(alpha, c) + 64);
    const int32_t kept = shift_right<15>(static_cast<int32_t>(beta) * h[i] + 16384);
    h[i] = static_cast<int16_t>(saturate<16>(fresh + kept));
  }
  barrier();
}

// h = (1 - z) c + z h with c = tanh(a + r b + bias), from a = W x, b = U h; z and r have 8 fractional bits, c is Q0.7,
// h is Q0.15. Three numbers a unit, of z, r and c.
template <class Tanh, int Shift, class B>
EDGEALGOS_OP void gru_update(const int16_t *inputs, const int16_t *products, const B *bias, int16_t *h, uint8_t units) {
  do {
    const uint8_t z = Tanh::gate(Biased<Shift, B>::apply(add_saturated(inputs[0], products[0]), flash(bias)));
    const uint8_t r = Tanh::gate(Biased<Shift, B>::apply(add_saturated(inputs[1], products[1]), flash(bias + 1)));
    const int16_t kept = scale_by_byte(products[2], r);
    const int8_t c = Tanh::candidate(Biased<Shift, B>::apply(add_saturated(inputs[2], kept), flash(bias + 2)));
    inputs += 3;
    products += 3;
    bias += 3;
    // The shares add up to one: no sum leaves 16 bits.
    *h = static_cast<int16_t>(c * 256 - z * c + scale_by_byte(*h, z));
    ++h;
  } while (--units);
  barrier();
}

#endif
