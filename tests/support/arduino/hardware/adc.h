// The RP2040's converter as its SDK declares it: for compiling, not for linking.
#pragma once
#include <stdint.h>

void adc_init();
void adc_gpio_init(unsigned);
void adc_select_input(unsigned);
uint16_t adc_read();
