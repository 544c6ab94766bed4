// What an ESP8266 has in its ROM and Debian's compiler for it leaves out: programs divide, with a few bits of result.
extern "C" unsigned __udivsi3(unsigned number, unsigned by) {
  unsigned quotient = 0, bit = 1;
  while (by < number && !(by >> 31)) {
    by <<= 1;
    bit <<= 1;
  }
  for (; bit; bit >>= 1, by >>= 1) {
    if (number >= by) {
      number -= by;
      quotient |= bit;
    }
  }
  return quotient;
}
